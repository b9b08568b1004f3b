//! The table behind the catalog: each data set as its makers published it.
//!
//! Where the checksums come from:
//! - MNIST: the makers published none. Both SHA-256 of each file are the ones that many independent
//!   programs pin for the copies on the mirrors below; at least two were compared for each.
//! - Fashion-MNIST: the makers published MD5 only. The SHA-256 of the compressed files are those that
//!   independent programs pin beside these MD5 (8d4fb7e6c68d591d4c3dfef9ec88bf0d,
//!   25c81989df183df01b3e8a0aad5dffbe, bef4ecab320f06d8554ea6380940ec79,
//!   bb300cfdad3c16e7a12a480ee83cd310). The SHA-256 of the content were computed from Debian's package
//!   `dataset-fashion-mnist`, which recompressed the files, and agree with those that others pin.

use std::borrow::Cow;

use super::{DatasetEntry, FileKind, Format, ImageShape, Normalisation, PublishedFile, Split};

/// Every data set, in the order in which they are listed.
pub(super) const ALL: [&DatasetEntry; 3] = [&DIGITS, &MNIST, &FASHION_MNIST];

/// (x - 0.5) / 1, as in the paper.
const CENTRED: Normalisation =
    Normalisation { scale: 255.0, mean: Cow::Borrowed(&[0.5]), std: Cow::Borrowed(&[1.0]) };

/// The set that is built in.
pub(super) static DIGITS: DatasetEntry = DatasetEntry {
    name: "digits",
    title: "handwritten digits, reduced to 8x8 pixels of 17 grey levels",
    credit: "E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository",
    license: "CC BY 4.0",
    classes: 10,
    shape: ImageShape { height: 8, width: 8, channels: 1 },
    train: 1797,
    test: 0,
    normalisation: Normalisation { scale: 16.0, ..CENTRED },
    format: Format::BuiltIn,
    files: &[],
    mirrors: &[],
};

static MNIST: DatasetEntry = DatasetEntry {
    name: "mnist",
    title: "handwritten digits",
    credit: "Y. LeCun, C. Cortes and C. J. C. Burges (1998)",
    license: "CC BY-SA 3.0",
    classes: 10,
    shape: ImageShape { height: 28, width: 28, channels: 1 },
    train: 60_000,
    test: 10_000,
    normalisation: CENTRED,
    format: Format::Idx,
    files: &[
        PublishedFile {
            name: "train-images-idx3-ubyte.gz",
            split: Split::Train,
            kind: FileKind::Images,
            bytes: 9_912_422,
            sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            content_sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        },
        PublishedFile {
            name: "train-labels-idx1-ubyte.gz",
            split: Split::Train,
            kind: FileKind::Labels,
            bytes: 28_881,
            sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            content_sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        },
        PublishedFile {
            name: "t10k-images-idx3-ubyte.gz",
            split: Split::Test,
            kind: FileKind::Images,
            bytes: 1_648_877,
            sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            content_sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        },
        PublishedFile {
            name: "t10k-labels-idx1-ubyte.gz",
            split: Split::Test,
            kind: FileKind::Labels,
            bytes: 4_542,
            sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            content_sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ],
    mirrors: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ],
};

static FASHION_MNIST: DatasetEntry = DatasetEntry {
    name: "fashion-mnist",
    title: "articles of clothing, a harder set in the format of mnist",
    credit: "H. Xiao, K. Rasul and R. Vollgraf (2017), Zalando Research",
    license: "MIT",
    classes: 10,
    shape: ImageShape { height: 28, width: 28, channels: 1 },
    train: 60_000,
    test: 10_000,
    normalisation: CENTRED,
    format: Format::Idx,
    files: &[
        PublishedFile {
            name: "train-images-idx3-ubyte.gz",
            split: Split::Train,
            kind: FileKind::Images,
            bytes: 26_421_880,
            sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            content_sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        PublishedFile {
            name: "train-labels-idx1-ubyte.gz",
            split: Split::Train,
            kind: FileKind::Labels,
            bytes: 29_515,
            sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            content_sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
        PublishedFile {
            name: "t10k-images-idx3-ubyte.gz",
            split: Split::Test,
            kind: FileKind::Images,
            bytes: 4_422_102,
            sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            content_sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        PublishedFile {
            name: "t10k-labels-idx1-ubyte.gz",
            split: Split::Test,
            kind: FileKind::Labels,
            bytes: 5_148,
            sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            content_sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ],
    // The makers' own server speaks no HTTPS; the checksums make up for that.
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ],
};
