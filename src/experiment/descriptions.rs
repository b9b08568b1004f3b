//! What each setting is, in a few words: what an editor shows beside it.

/// The words on the setting at this dotted path, whatever the index of its section.
pub(super) fn description(path: &str) -> Option<&'static str> {
    let path = path.replace("[0]", "");
    DESCRIPTIONS.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}

const DESCRIPTIONS: &[(&str, &str)] = &[
    ("name", "Name of the run folder by default; the file's name if left out"),
    ("seeds", "A run for each of these seeds, in place of train.seed"),
    ("data", "The training set"),
    ("model", "The network"),
    ("train", "How the network is trained"),
    ("evaluation", "The loss that is measured"),
    ("measure", "What is measured, and when"),
    ("data.name", "The data set; see: losswalk data list"),
    ("data.root", "The folder with its files; data/NAME by default"),
    ("data.train_samples", "The first so many training samples; all by default"),
    ("data.pad", "Put images into the middle of a border of zeros, so many pixels wide and high"),
    ("data.channels", "Repeat grey images in so many channels"),
    ("data.mean", "Subtracted from every pixel on [0, 1], one number a channel"),
    ("data.std", "Divides what is left, one number a channel"),
    ("data.augment", "Change of the training images; never of those that are measured"),
    ("model.arch", "The architecture"),
    ("model.hidden", "Widths of the hidden layers; [] is softmax regression"),
    ("model.batch_norm", "Batch norm behind every layer"),
    ("model.width", "Scales every number of channels"),
    ("model.head", "Hidden layers of the classifier"),
    ("model.depth", "Layers: 6n + 2 of a resnet, 6n + 4 of a wide one"),
    ("model.widen", "Scales the number of filters"),
    ("model.layers", "The layers, the one that sees the images first"),
    ("model.layers.kind", "What the layer is"),
    ("model.layers.name", "Its prefix in parameter files"),
    ("model.layers.outputs", "Channels of a convolution, units of a linear layer"),
    ("model.layers.kernel_size", "Pixels, an odd number"),
    ("model.layers.stride", "Pixels from one output to the next"),
    ("model.layers.bias", "Add a bias"),
    ("model.layers.size", "Pixels of a window, which must divide the image"),
    ("model.layers.main", "main(s) + shortcut(s), where s = stem(x)"),
    ("model.layers.stem", "What both paths share"),
    ("model.layers.shortcut", "The other path; nothing at all by default"),
    ("train.optimizer", "gd is sgd on the full training set, one step an epoch"),
    ("train.momentum", "mu in v <- mu v + g"),
    ("train.nesterov", "Step along g + mu v"),
    ("train.beta1", "Share of the mean of gradients that a step keeps"),
    ("train.beta2", "Share of the mean of squared gradients that a step keeps"),
    ("train.epsilon", "Added to the root of the mean square"),
    ("train.sampling", "Which samples a gradient is of"),
    ("train.learning_rate", "eta, above 0"),
    ("train.batch_size", "Samples of a mini-batch; the last one of an epoch may be short"),
    ("train.epochs", "Passes over the data"),
    ("train.weight_decay", "lambda in g + lambda theta; adamw shrinks theta beside its step"),
    ("train.seed", "Seed of initialisation, batches and evaluation order"),
    ("train.chunk", "Larger batches are cut into chunks of so many samples"),
    ("train.precision", "Precision of parameters and gradients"),
    ("train.save_iterates", "Save the parameters at both ends of every measured update"),
    ("train.schedule", "How the learning rate changes, counted in steps"),
    ("train.schedule.kind", "Those of PyTorch's StepLR, MultiStepLR and CosineAnnealingLR"),
    ("train.schedule.every", "Steps from one fall to the next"),
    ("train.schedule.factor", "What a fall leaves of the rate, above 0 and at most 1"),
    ("train.schedule.milestones", "Steps before each fall, ascending"),
    ("train.schedule.minimum_rate", "Where the cosine ends"),
    ("train.schedule.warmup_steps", "Steps over which the rate rises to learning_rate"),
    ("train.schedule.warmup_factor", "Where it rises from, as a share of learning_rate"),
    ("evaluation.batch_size", "Samples of an evaluation batch; train.batch_size by default"),
    ("evaluation.batch_norm", "Where batch norm takes its statistics from"),
    ("evaluation.winograd", "Convolutions may be computed by Winograd's algorithm"),
    ("evaluation.protocol", "fixed batches, or fresh ones at every point as the authors' code has"),
    ("evaluation.precision", "Precision of the forward pass"),
    ("evaluation.test", "Loss and accuracy on the test split after every epoch"),
    ("measure.kind", "The quantity"),
    ("measure.epochs", "Epochs of lines from 1; for others 0 is the initialisation; or \"all\""),
    ("measure.iterations", "The first so many updates of each epoch, or \"all\""),
    ("measure.points", "K: the loss is measured at alpha = 0, 1/K, ..., 1"),
    ("measure.mode", "certified decides on barriers from few evaluation batches"),
    ("measure.error", "The probability that an update is decided wrongly, at most"),
    ("measure.assume", "What a certified decision rests on"),
    ("measure.reach", "Go on along the update, up to this alpha, until the loss is back"),
    ("measure.second_order", "Slope and curvature along the update at its start"),
    ("measure.batch_sizes", "Sizes of batches, ascending"),
    ("measure.batches", "Batches of each size"),
    ("measure.probes", "Random vectors for traces; of a spectrum, 0 leaves trace and density out"),
    ("measure.include_weight_decay", "Count weight decay as a part of the loss"),
    ("measure.top", "Largest eigenvalues"),
    ("measure.tolerance", "Residual of an eigenpair, relative to the largest eigenvalue"),
    ("measure.max_products", "Products H v after which the search stops"),
    ("measure.probe_products", "Products H v for each random vector"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::DESCRIPTIONS;
    use crate::experiment::json_schema;

    /// Every property has a description: `(how many, the descriptions in use)`.
    fn walk(schema: &Value, used: &mut BTreeSet<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (key, property) in properties {
                let text = property["description"].as_str();
                assert!(text.is_some() || property.get("const").is_some(), "{key}: {property}");
                used.extend(text.map(str::to_owned));
            }
        }
        match schema {
            Value::Object(map) => map.values().for_each(|value| walk(value, used)),
            Value::Array(items) => items.iter().for_each(|value| walk(value, used)),
            _ => {}
        }
    }

    #[test]
    fn every_setting_has_a_description_and_every_description_a_setting() {
        let mut used = BTreeSet::new();
        walk(&json_schema(), &mut used);
        let unused = DESCRIPTIONS.iter().filter(|(_, text)| !used.contains(*text));
        assert_eq!(unused.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
    }
}
