//! Networks inferred from parameter files: those of the zoo, chains under usual names, and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use losswalk::network::{Head, LayerSpec, Layout, Model, Shape, build, infer, state_dict::export};
use losswalk::parameters::Tensors;

use crate::program::{TestResult, losswalk};

const COLOURED: Shape = Shape { height: 32, width: 32, channels: 3 };

fn file_of(layout: &Layout) -> Tensors {
    let count = |entries: &[losswalk::network::Entry]| entries.iter().map(|e| e.len()).sum();
    export(layout, &vec![0.0; count(&layout.parameters)], &vec![0.0; count(&layout.buffers)], true)
}

/// An entry of a file: its name and shape.
type Named<'a> = (&'a str, &'a [usize]);

/// Entries of these shapes, named as given.
fn file(entries: &[Named]) -> Tensors {
    let array = |shape: &[usize]| (shape.to_vec(), vec![0.0; shape.iter().product()]);
    let entries = entries.iter().map(|(name, shape)| ((*name).to_owned(), array(shape)));
    Tensors { entries: BTreeMap::from_iter(entries), single: true }
}

/// The kinds of the layers, in a word each.
fn kinds(model: &Model) -> String {
    let Model::Layers { layers } = model else { return String::new() };
    let kind = |layer: &LayerSpec| match layer {
        LayerSpec::Linear { name, .. }
        | LayerSpec::Convolution { name, .. }
        | LayerSpec::BatchNorm { name } => name.clone(),
        LayerSpec::Relu => "relu".to_owned(),
        LayerSpec::MaxPool { .. } => "pool".to_owned(),
        LayerSpec::GlobalAveragePool => "mean".to_owned(),
        _ => "residual".to_owned(),
    };
    layers.iter().map(kind).collect::<Vec<_>>().join(" ")
}

#[test]
fn networks_of_the_zoo_are_found_again() -> TestResult {
    for batch_norm in [false, true] {
        let resnet = Model::Resnet { depth: 14, batch_norm };
        let wide = Model::WideResnet { depth: 10, widen: 4, batch_norm };
        for model in [resnet, wide] {
            let found = infer(&file_of(&build(&model, COLOURED, 10)?.layout))?;
            assert_eq!((found.model, found.data), (model, Some("cifar10")));
        }
        let vgg =
            build(&Model::Vgg11 { width: 0.25, head: Head::Equal, batch_norm }, COLOURED, 100)?;
        let found = infer(&file_of(&vgg.layout))?;
        assert_eq!((found.data, found.batch_norm), (Some("cifar100"), batch_norm));
        let words = kinds(&found.model);
        let pools = words.split(' ').filter(|word| *word == "pool").count();
        assert_eq!(pools, 5, "{words}");
        assert!(
            words.ends_with("relu pool classifier.1 relu classifier.4 relu classifier.6"),
            "{words}"
        );
        // As deep and as large as the one it is of.
        let again = build(&found.model, COLOURED, 100)?;
        assert_eq!((again.depth(), again.activations), (vgg.depth(), vgg.activations));
    }
    Ok(())
}

#[test]
fn chains_are_put_in_order_by_names_and_by_what_layers_take() -> TestResult {
    let norm = ["weight", "bias", "running_mean", "running_var"];
    let named = |stem: &str, parts: &[&str]| -> Vec<String> {
        parts.iter().map(|part| format!("{stem}.{part}")).collect()
    };
    // Numbers beyond nine, and norms by their number though all are of one size.
    let mut names: Vec<(String, Vec<usize>)> = Vec::new();
    for i in 1..=11 {
        names.push((format!("fc{i}.weight"), vec![64, 64]));
        names.push((format!("fc{i}.bias"), vec![64]));
        names.extend(named(&format!("bn{i}"), &norm).into_iter().map(|name| (name, vec![64])));
    }
    names.extend([("fc12.weight".to_owned(), vec![10, 64]), ("fc12.bias".to_owned(), vec![10])]);
    let entries: Vec<Named> =
        names.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    let found = infer(&file(&entries))?;
    let words = kinds(&found.model);
    assert!(
        words.starts_with("fc1 bn1 relu fc2 bn2 relu") && words.ends_with("fc11 bn11 relu fc12")
    );
    assert_eq!(found.data, Some("digits"));

    // A Sequential in a wrapper, where 0 flattens.
    let found = infer(&file(&[
        ("model._orig_mod.net.1.weight", &[32, 784]),
        ("model._orig_mod.net.1.bias", &[32]),
        ("model._orig_mod.net.3.weight", &[10, 32]),
        ("model._orig_mod.net.3.bias", &[10]),
        ("optimizer.step", &[]),
    ]))?;
    assert_eq!((kinds(&found.model).as_str(), found.data), ("1 relu 3", Some("fashion-mnist")));

    // Names that say nothing: only one order fits.
    let found = infer(&file(&[
        ("hidden.weight", &[20, 30]),
        ("hidden.bias", &[20]),
        ("entry.weight", &[30, 64]),
        ("entry.bias", &[30]),
        ("answer.weight", &[10, 20]),
        ("answer.bias", &[10]),
    ]))?;
    assert_eq!(kinds(&found.model), "entry relu hidden relu answer");

    // Convolutions without numbers of a Sequential: halved behind each, or never.
    let small = |inputs| {
        infer(&file(&[
            ("conv1.weight", &[4, 1, 3, 3]),
            ("conv1.bias", &[4]),
            ("conv2.weight", &[8, 4, 3, 3]),
            ("conv2.bias", &[8]),
            ("fc.weight", &[10, inputs]),
            ("fc.bias", &[10]),
        ]))
    };
    assert_eq!(kinds(&small(8 * 49)?.model), "conv1 relu pool conv2 relu pool fc");
    assert_eq!(kinds(&small(8 * 784)?.model), "conv1 relu conv2 relu fc");
    Ok(())
}

#[test]
fn residual_networks_named_as_torchvision_does() -> TestResult {
    let block = |stage: usize, inputs: usize, outputs: usize| {
        let name = |part: &str| format!("layer{stage}.0.{part}");
        let convolution = |part: &str, inputs: usize, size: usize| {
            vec![(name(&format!("{part}.weight")), vec![outputs, inputs, size, size])]
        };
        let norm = |part: &str| {
            let parts = ["weight", "bias", "running_mean", "running_var"];
            parts.map(|entry| (name(&format!("{part}.{entry}")), vec![outputs])).to_vec()
        };
        let main = [
            convolution("conv1", inputs, 3),
            norm("bn1"),
            convolution("conv2", outputs, 3),
            norm("bn2"),
        ];
        let mut all = main.concat();
        if inputs != outputs {
            all.extend(convolution("downsample.0", inputs, 1));
            all.extend(norm("downsample.1"));
        }
        all
    };
    let stem = ["weight", "bias", "running_mean", "running_var"];
    let mut names = vec![("conv1.weight".to_owned(), vec![8, 3, 3, 3])];
    names.extend(stem.map(|part| (format!("bn1.{part}"), vec![8])));
    names.extend([block(1, 8, 8), block(2, 8, 16)].concat());
    names.extend([("fc.weight".to_owned(), vec![10, 16]), ("fc.bias".to_owned(), vec![10])]);
    let entries: Vec<Named> =
        names.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    let found = infer(&file(&entries))?;
    assert_eq!(kinds(&found.model), "conv1 bn1 relu residual relu residual relu mean fc");
    let Model::Layers { layers } = found.model else { return Err("no list".into()) };
    let LayerSpec::Residual { main, shortcut, .. } = &layers[5] else {
        return Err("no block".into());
    };
    let strides: Vec<usize> = main
        .iter()
        .chain(shortcut)
        .filter_map(|layer| match layer {
            LayerSpec::Convolution { stride, .. } => Some(*stride),
            _ => None,
        })
        .collect();
    assert_eq!(strides, [2, 1, 2]);
    Ok(())
}

#[test]
fn what_cannot_be_inferred_names_the_entry_and_the_remedy() {
    let linear: [Named; 2] = [("b.weight", &[10, 64]), ("b.bias", &[10])];
    let cases: [(&[Named], &str); 7] = [
        (&[("a.weight_ih_l0", &[8, 4])], "`a.weight_ih_l0` [8, 4] is no weight, bias"),
        (&[("a.weight", &[64, 64])], "`a.weight` [64, 64] is a linear layer without a bias"),
        (&[("a.weight", &[8, 3, 2, 2])], "`a.weight` [8, 3, 2, 2] is no square kernel of odd size"),
        (&[("a.weight", &[64]), ("a.bias", &[64])], "`a.weight` [64] has no bias and running"),
        (&[("a.weight", &[4, 2, 3])], "`a.weight` [4, 2, 3] is no linear layer"),
        (&[("a.bias", &[4])], "`a.bias` [4] has no weight beside it"),
        (
            &[("a.weight", &[30, 64]), ("a.bias", &[30])],
            "`b` does not take what `a` before it gives",
        ),
    ];
    for (entries, expected) in cases {
        let message =
            infer(&file(&[entries, &linear].concat())).err().map(|error| error.to_string());
        let message = message.unwrap_or_default();
        assert!(message.contains(expected) && message.contains("--model"), "{message}");
    }
    let none = infer(&file(&[("a.weight", &[8, 3, 3, 3])])).err().map(|error| error.to_string());
    assert!(none.is_some_and(|text| text.contains("no linear layer ends it")));
}

#[test]
fn what_is_printed_measures_as_a_description_by_hand_does() -> TestResult {
    let temporary = tempfile::tempdir()?;
    let files =
        ["3.safetensors", "4-module.pt"].map(|name| format!("tests/golden/checkpoints/{name}"));
    let output = losswalk().arg("path").args(&files).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    assert!(
        printed.contains("name = \"digits\"") && printed.contains("# - relu stands behind"),
        "{printed}"
    );
    let by_hand = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\nhidden = [8]\n\
                   [evaluation]\nbatch_norm = 'running'\n";
    let measured = |text: &str, name: &str| -> TestResult<Vec<u8>> {
        let model = temporary.path().join(name);
        fs::write(&model, text)?;
        let output =
            losswalk().args(["path", "--json", "--model"]).arg(&model).args(&files).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    assert_eq!(measured(&printed, "network.toml")?, measured(by_hand, "hand.toml")?);
    let nowhere = losswalk().args(["path", "--out", "x"]).args(&files).output()?;
    assert!(!Path::new("x").exists() && String::from_utf8(nowhere.stderr)?.contains("--model"));
    Ok(())
}
