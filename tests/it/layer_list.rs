//! Networks from lists of layers, against those of the zoo.

use burn::tensor::{DType, Device, Tensor, TensorData};

use losswalk::experiment::parse;
use losswalk::network::{
    Head, Model, Network, Normalisation, Pass, Shape, ShapeError, initialise, network_of, resnet,
    vgg11,
};
use losswalk::taylor::Series;

const CIFAR: Shape = Shape { height: 32, width: 32, channels: 3 };

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn network(list: &str, input: Shape) -> Result<Network, ShapeError> {
    let text = format!("[data]\nname = 'digits'\n[model]\narch = 'layers'\nlayers = [\n{list}\n]");
    let Model::Layers { layers } = parse(&text, "a.toml", "a", &[]).unwrap().model else {
        return Err(ShapeError::new("another architecture".to_owned()));
    };
    network_of(&layers, input, 10)
}

/// Logits of two images at the theta of seed 5.
fn logits(network: &Network) -> Vec<f64> {
    let at = (&Device::flex(), DType::F64);
    let theta = initialise(&network.layout.parameters, 5);
    let entry = |range: std::ops::Range<usize>| {
        let shape = [range.len()];
        let data = TensorData::new(theta[range].to_vec(), shape);
        Series::constant(Tensor::<1>::from_data(data, at))
    };
    let parameters: Vec<_> =
        network.layout.parameters.iter().map(|parameter| entry(parameter.range())).collect();
    let pixels: Vec<f64> = (0..2 * CIFAR.size()).map(|i| (i as f64 * 0.37).sin()).collect();
    let images = Tensor::from_data(TensorData::new(pixels, [2, 32, 32, 3]), at);
    let mut pass = Pass::new(&parameters, Normalisation::Batch);
    let logits = network.logits(Series::constant(images), &mut pass);
    logits.into_value().into_data().iter::<f64>().collect()
}

fn assert_same(listed: &Network, zoo: &Network) {
    assert_eq!(listed.layout, zoo.layout);
    assert!(logits(zoo).iter().any(|logit| logit.abs() > 1e-3));
    assert_eq!(logits(listed), logits(zoo));
}

fn convolution(name: &str, outputs: usize, kernel: usize, stride: usize, bias: bool) -> String {
    format!(
        "{{ kind = 'convolution', name = '{name}', outputs = {outputs}, kernel_size = {kernel}, \
         stride = {stride}, bias = {bias} }},\n"
    )
}

fn activated(norm: &str) -> String {
    format!("{{ kind = 'batch-norm', name = '{norm}' }}, {{ kind = 'relu' }},\n")
}

#[test]
fn resnet_8_as_a_list_is_the_zoos() -> Result<(), ShapeError> {
    let block = |name: &str, filters: usize, stride: usize| {
        let main = activated(&format!("{name}.bn1"))
            + &convolution(&format!("{name}.conv2"), filters, 3, stride, false)
            + &activated(&format!("{name}.bn2"))
            + &convolution(&format!("{name}.conv3"), filters, 3, 1, false);
        let shortcut = match stride {
            1 => String::new(),
            _ => convolution(&format!("{name}.shortcut.0"), filters, 1, stride, false),
        };
        format!("{{ kind = 'residual', main = [{main}], shortcut = [{shortcut}] }},\n")
    };
    let list = convolution("pre_clf.0", 16, 3, 1, false)
        + &block("pre_clf.1", 16, 1)
        + &block("pre_clf.2", 32, 2)
        + &block("pre_clf.3", 64, 2)
        + &activated("pre_clf.4")
        + "{ kind = 'global-average-pool' }, { kind = 'linear', name = 'fc', outputs = 10 }";
    assert_same(&network(&list, CIFAR)?, &resnet(CIFAR, 10, 8, true)?);
    Ok(())
}

#[test]
fn vgg_11_as_a_list_is_the_zoos() -> Result<(), ShapeError> {
    // Channels of 64, 128, 256 and 512 times 0.1; none is a max-pool.
    let stages = [Some(6), None, Some(13), None, Some(26), Some(26), None].into_iter().chain([
        Some(51),
        Some(51),
        None,
        Some(51),
        Some(51),
        None,
    ]);
    let mut list = String::new();
    let mut index = 0;
    for stage in stages {
        let (layers, modules) = match stage {
            None => ("{ kind = 'max-pool', size = 2 },\n".to_owned(), 1),
            Some(outputs) => {
                let layer = convolution(&format!("features.{index}"), outputs, 3, 1, true);
                (layer + &activated(&format!("features.{}", index + 1)), 3)
            }
        };
        list += &layers;
        index += modules;
    }
    for (number, outputs) in [(1, 51), (4, 51)] {
        list += &format!(
            "{{ kind = 'linear', name = 'classifier.{number}', outputs = {outputs} }},\n\
             {{ kind = 'relu' }},\n"
        );
    }
    list += "{ kind = 'linear', name = 'classifier.6', outputs = 10 }";
    assert_same(&network(&list, CIFAR)?, &vgg11(CIFAR, 10, 0.1, true, Head::Equal)?);
    Ok(())
}

#[test]
fn a_layer_that_does_not_fit_is_named_with_both_shapes() {
    let input = Shape { height: 7, width: 7, channels: 1 };
    let linear = "{ kind = 'linear', name = 'fc', outputs = 10 }";
    for (list, expected) in [
        (
            "{ kind = 'relu' }, { kind = 'max-pool' }".to_owned(),
            "layers[1] (max-pool): 2x2 pooling windows do not divide 7x7x1",
        ),
        (
            "{ kind = 'residual', main = [{ kind = 'max-pool', size = 3 }] }".to_owned(),
            "layers[0] (residual): main[0] (max-pool): 3x3 pooling windows do not divide 7x7x1",
        ),
        (
            format!(
                "{{ kind = 'residual', main = [{}] }}, {linear}",
                convolution("a", 2, 3, 2, true)
            ),
            "layers[0] (residual): the paths of the residual block end in 4x4x2 (main) and 7x7x1 (shortcut)",
        ),
        (linear.replace("10", "12"), "the network ends in 1x1x12, but the data has 10 classes"),
        (convolution("a", 10, 3, 1, true), "the network ends in 7x7x10, but"),
        (String::new(), "the network ends in 7x7x1, but"),
    ] {
        let message = network(&list, input).err().map(|error| error.to_string());
        let message = message.unwrap_or_default();
        assert!(message.starts_with(expected), "{expected}\nis not\n{message}");
    }
    let bare = network("{ kind = 'global-average-pool' }", Shape { channels: 10, ..input });
    assert!(bare.is_err_and(|error| error.to_string().contains("no layer has parameters")));
}
