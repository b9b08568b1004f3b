//! What ran, in words for a caption: network, training, data.

use toml::Value;

use crate::report::groups::groups;
use crate::report::run_data::RunData;
use crate::report::ticks::number;

/// The beginnings of the sentences, in their order.
const SENTENCES: [&str; 3] = ["Network", "Training", "Data"];

/// Something that is told of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// The index of its sentence.
    sentence: usize,
    text: String,
}

/// Sentences on what the runs have in common, and on what tells them apart.
pub(super) fn setup(runs: &[RunData]) -> Vec<String> {
    let parts: Vec<Vec<Part>> = runs.iter().map(parts).collect();
    let is_common = |part: &&Part| parts.iter().all(|parts| parts.contains(part));
    let common: Vec<&Part> = parts.iter().take(1).flatten().filter(is_common).collect();
    let sentence = |(index, name): (usize, &&str)| {
        let texts = common.iter().filter(|part| part.sentence == index);
        let texts: Vec<&str> = texts.map(|part| part.text.as_str()).collect();
        (!texts.is_empty()).then(|| format!("{name}: {}.", texts.join(", ")))
    };
    let mut sentences: Vec<String> = SENTENCES.iter().enumerate().filter_map(sentence).collect();
    if runs.len() > 1 {
        let is_told = |part: &&Part| !is_common(part);
        let of_run = |run: usize| parts[run].iter().filter(is_told).collect::<Vec<&Part>>();
        sentences.push(format!("Compared are {}.", compared(runs, of_run)));
    }
    sentences
}

/// The groups of runs by their names, which say what differs in runs of one experiment; of others, with
/// what is told of them alone.
fn compared<'a>(runs: &[RunData], differing: impl Fn(usize) -> Vec<&'a Part>) -> String {
    let is_one_experiment = runs.iter().all(|run| run.manifest.name == runs[0].manifest.name);
    let of_group = groups(runs).into_iter().map(|group| {
        let mut told: Vec<String> = Vec::new();
        if !is_one_experiment {
            told.extend(differing(group.runs[0]).into_iter().map(|part| part.text.clone()));
        }
        if group.runs.len() > 1 {
            told.retain(|text| !text.starts_with("seed "));
            told.push(format!("{} seeds", group.runs.len()));
        }
        if told.is_empty() { group.label } else { format!("{} ({})", group.label, told.join(", ")) }
    });
    of_group.collect::<Vec<_>>().join("; ")
}

fn parts(run: &RunData) -> Vec<Part> {
    let of = |sentence: usize| move |text: String| Part { sentence, text };
    let network = network(run).into_iter().map(of(0));
    network
        .chain(training(run).into_iter().map(of(1)))
        .chain(data(run).into_iter().map(of(2)))
        .collect()
}

fn network(run: &RunData) -> Vec<String> {
    let whole = |key: &str| setting(run, "model", key).and_then(Value::as_integer).unwrap_or(0);
    let name = match text(run, "model", "arch") {
        Some("mlp") => Some(format!("MLP {}", widths(run))),
        Some("vgg11") => Some("VGG-11".to_owned()),
        Some("resnet") => Some(format!("ResNet-{}", whole("depth"))),
        Some("wide-resnet") => Some(format!("Wide ResNet-{}-{}", whole("depth"), whole("widen"))),
        _ => None,
    };
    let batch_norm = setting(run, "model", "batch_norm").and_then(Value::as_bool);
    let batch_norm = batch_norm.map(|has| if has { "batch norm" } else { "no batch norm" });
    let parameters = format!("{} parameters", number(run.manifest.parameter_count as f64, 0));
    name.into_iter().chain(batch_norm.map(str::to_owned)).chain([parameters]).collect()
}

/// The widths of a perceptron's layers, from the shapes of its matrices.
fn widths(run: &RunData) -> String {
    let matrices =
        run.manifest.parameters.iter().filter_map(|parameter| match parameter.shape[..] {
            [out, inputs] => Some((out, inputs)),
            _ => None,
        });
    let matrices: Vec<(usize, usize)> = matrices.collect();
    let first = matrices.first().map(|(_, inputs)| inputs);
    let widths = first.into_iter().chain(matrices.iter().map(|(out, _)| out));
    widths.map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// Empty for a path of saved checkpoints: nobody has said how it was trained.
fn training(run: &RunData) -> Vec<String> {
    let name = match text(run, "train", "optimizer") {
        Some("sgd") => "SGD",
        Some("gd") => "full-batch gradient descent",
        Some("adam") => "Adam",
        Some("adamw") => "AdamW",
        _ => return Vec::new(),
    };
    let value = |(key, name): (&str, &str)| {
        let value = setting(run, "train", key)?;
        let is_off = value.as_float() == Some(0.0);
        (!is_off).then(|| format!("{name} {value}"))
    };
    let values = [
        ("learning_rate", "learning rate η ="),
        ("batch_size", "batch size B ="),
        ("momentum", "momentum"),
        ("weight_decay", "weight decay"),
    ];
    let schedule = setting(run, "train", "schedule").and_then(|s| s.get("kind")?.as_str());
    let schedule = schedule.filter(|kind| *kind != "constant");
    let schedule = schedule.map(|kind| format!("{kind} schedule of the learning rate"));
    let seed = format!("seed {}", run.manifest.seed);
    let values = values.into_iter().filter_map(value);
    std::iter::once(name.to_owned()).chain(values).chain(schedule).chain([seed]).collect()
}

fn data(run: &RunData) -> Vec<String> {
    let name = match run.manifest.data.as_str() {
        "digits" => "the digits of scikit-learn",
        "mnist" => "MNIST",
        "fashion-mnist" => "Fashion-MNIST",
        "cifar10" => "CIFAR-10",
        "cifar100" => "CIFAR-100",
        "tiny-imagenet" => "Tiny ImageNet",
        name => name,
    };
    vec![format!("N = {} training samples of {name}", number(run.manifest.samples as f64, 0))]
}

fn setting<'a>(run: &'a RunData, section: &str, key: &str) -> Option<&'a Value> {
    run.settings.get(section)?.get(key)
}

fn text<'a>(run: &'a RunData, section: &str, key: &str) -> Option<&'a str> {
    setting(run, section, key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};
    use crate::run::ManifestParameter;

    fn run(name: &str, experiment: &'static str) -> Result<RunData, TestError> {
        let mut run = Fixture::new(name, 30, 20);
        run.experiment = experiment;
        let parameter = |shape: &[usize]| ManifestParameter {
            name: "p".to_owned(),
            shape: shape.to_vec(),
            offset: 0,
        };
        run.manifest.data = "fashion-mnist".to_owned();
        run.manifest.parameters = vec![parameter(&[5, 64]), parameter(&[5]), parameter(&[10, 5])];
        run.load()
    }

    const SGD: &str = "[model]\narch = 'mlp'\nbatch_norm = true\n[train]\noptimizer = 'sgd'\n\
                       learning_rate = 0.1\nbatch_size = 20\nmomentum = 0.0";

    #[test]
    fn a_run_is_told_by_its_network_its_training_and_its_data() -> Result<(), TestError> {
        let run = run("a", SGD)?;
        let told = setup(std::slice::from_ref(&run));
        assert_eq!(
            told[0],
            format!(
                "Network: MLP 64-5-10, batch norm, {} parameters.",
                run.manifest.parameter_count
            )
        );
        assert!(
            told[1].starts_with("Training: SGD, learning rate η = 0.1, batch size B = 20, seed "),
            "{told:?}"
        );
        let samples = run.manifest.samples;
        assert_eq!(told[2], format!("Data: N = {samples} training samples of Fashion-MNIST."));
        Ok(())
    }

    #[test]
    fn of_several_runs_what_is_common_is_told_once() -> Result<(), TestError> {
        let adam = "[model]\narch = 'mlp'\nbatch_norm = true\n[train]\noptimizer = 'adam'\n\
                    learning_rate = 0.1\nbatch_size = 20";
        let told = setup(&[run("a", SGD)?, run("b", adam)?]);
        assert!(!told[1].contains("SGD") && told[1].contains("B = 20"), "{told:?}");
        assert_eq!(told[3], "Compared are a (SGD); b (Adam).");
        let told = setup(&Fixture::three_seeds()?);
        assert_eq!(told.last().map(String::as_str), Some("Compared are a (3 seeds)."));
        Ok(())
    }
}
