//! Normalisations that people usually train with, to name the likely one where a loss is not the one
//! that was expected.

/// A normalisation of pixels on [0, 1], as `data.mean` and `data.std` take it.
#[derive(Debug, Clone, PartialEq)]
pub struct UsualNormalisation {
    /// Where it comes from.
    pub title: &'static str,
    /// One number a channel.
    pub mean: Vec<f64>,
    /// One number a channel.
    pub std: Vec<f64>,
}

/// What people write for a set: a title, means and standard deviations.
type Constants = (&'static str, &'static [f64], &'static [f64]);

/// Those that need no set, for any number of channels.
const OF_ANY: [Constants; 4] = [
    ("ToTensor alone", &[0.0], &[1.0]),
    ("(x - 0.5) / 1", &[0.5], &[1.0]),
    ("Normalize(0.5, 0.5), onto [-1, 1]", &[0.5], &[0.5]),
    ("bytes as they are, without ToTensor", &[0.0], &[1.0 / 255.0]),
];

const MNIST: &[Constants] = &[("PyTorch's MNIST example", &[0.1307], &[0.3081])];
const FASHION_MNIST: &[Constants] = &[
    ("mean and deviation of Fashion-MNIST", &[0.2860], &[0.3530]),
    ("constants of MNIST", &[0.1307], &[0.3081]),
];
const CIFAR10: &[Constants] = &[
    ("the paper's authors", &[0.4914, 0.4822, 0.4465], &[0.2023, 0.1994, 0.2010]),
    ("mean and deviation of CIFAR-10", &[0.4914, 0.4822, 0.4465], &[0.2470, 0.2435, 0.2616]),
];
const CIFAR100: &[Constants] = &[
    ("mean and deviation of CIFAR-100", &[0.5071, 0.4867, 0.4408], &[0.2675, 0.2565, 0.2761]),
    ("constants of CIFAR-10", &[0.4914, 0.4822, 0.4465], &[0.2023, 0.1994, 0.2010]),
];
const IMAGENET: Constants =
    ("torchvision's models of ImageNet", &[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);

/// Likely normalisations of a set whose images have so many channels, the likeliest first.
///
/// ```
/// let likely = losswalk::data::usual_normalisations("mnist", 3);
/// assert_eq!((likely[0].mean.as_slice(), likely[0].std[2]), (&[0.1307; 3][..], 0.3081));
/// ```
pub fn usual_normalisations(set: &str, channels: usize) -> Vec<UsualNormalisation> {
    let own = match set {
        "mnist" => MNIST,
        "fashion-mnist" => FASHION_MNIST,
        "cifar10" => CIFAR10,
        "cifar100" => CIFAR100,
        _ => &[],
    };
    let all = own.iter().chain(&OF_ANY).chain([&IMAGENET]);
    all.filter_map(|&(title, mean, std)| {
        let (mean, std) = (repeated(mean, channels)?, repeated(std, channels)?);
        Some(UsualNormalisation { title, mean, std })
    })
    .collect()
}

/// One number for each channel, from one for all or one for each.
fn repeated(values: &[f64], channels: usize) -> Option<Vec<f64>> {
    match values {
        [value] => Some(vec![*value; channels]),
        _ => (values.len() == channels).then(|| values.to_vec()),
    }
}
