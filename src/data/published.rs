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
//! - Tiny ImageNet: the makers published none. The SHA-256 of the archive is the one that independent
//!   programs pin for the same URL; the images have none of their own.
//! - CIFAR-10 and CIFAR-100: the makers published MD5 of the archives (c32a1d4ab5d03f1284b67883e8d87530,
//!   03b5dce01913d631647c71ecec9e9cb8). The SHA-256 of the archives are those that several independent
//!   programs pin for the same URLs. The SHA-256 of the files in them are pinned by one program,
//!   which checks them behind the SHA-256 of the archive.

use std::borrow::Cow;

use super::{
    Archive, DatasetEntry, Description, Download, FileKind, Format, ImageShape, OwnFormat, OwnSet,
    PixelNormalisation, PublishedFile, PublishedSet, Split, cifar, tiny_imagenet,
};

/// Every data set, in the order in which they are listed.
pub(super) const ALL: [DatasetEntry; 8] = [
    DatasetEntry::BuiltIn(&DIGITS),
    DatasetEntry::Published(&MNIST),
    DatasetEntry::Published(&FASHION_MNIST),
    DatasetEntry::Published(&CIFAR10),
    DatasetEntry::Published(&CIFAR100),
    DatasetEntry::Published(&TINY_IMAGENET),
    DatasetEntry::Own(&FOLDER),
    DatasetEntry::Own(&NPY),
];

/// (x - 0.5) / 1, as in the paper.
const CENTRED: PixelNormalisation =
    PixelNormalisation { scale: 255.0, mean: Cow::Borrowed(&[0.5]), std: Cow::Borrowed(&[1.0]) };

/// The channels' mean and standard deviation over CIFAR-10, as the paper's authors round them.
const CIFAR: PixelNormalisation = PixelNormalisation {
    scale: 255.0,
    mean: Cow::Borrowed(&[0.4914, 0.4822, 0.4465]),
    std: Cow::Borrowed(&[0.2023, 0.1994, 0.2010]),
};

/// The set that is built in.
pub(super) static DIGITS: Description = Description {
    name: "digits",
    title: "handwritten digits, reduced to 8x8 pixels of 17 grey levels",
    credit: "E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository",
    license: "CC BY 4.0",
    classes: 10,
    shape: ImageShape { height: 8, width: 8, channels: 1 },
    train: 1797,
    test: 0,
    normalisation: PixelNormalisation { scale: 16.0, ..CENTRED },
};

static MNIST: PublishedSet = PublishedSet {
    about: Description {
        name: "mnist",
        title: "handwritten digits",
        credit: "Y. LeCun, C. Cortes and C. J. C. Burges (1998)",
        license: "CC BY-SA 3.0",
        classes: 10,
        shape: ImageShape { height: 28, width: 28, channels: 1 },
        train: 60_000,
        test: 10_000,
        normalisation: CENTRED,
    },
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
    archive: None,
    mirrors: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ],
};

static FASHION_MNIST: PublishedSet = PublishedSet {
    about: Description {
        name: "fashion-mnist",
        title: "articles of clothing, a harder set in the format of mnist",
        credit: "H. Xiao, K. Rasul and R. Vollgraf (2017), Zalando Research",
        license: "MIT",
        classes: 10,
        shape: ImageShape { height: 28, width: 28, channels: 1 },
        train: 60_000,
        test: 10_000,
        normalisation: CENTRED,
    },
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
    archive: None,
    // The makers' own server speaks no HTTPS; the checksums make up for that.
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ],
};

/// A file of records, published uncompressed in an archive.
const fn records(
    name: &'static str,
    split: Split,
    bytes: u64,
    sha256: &'static str,
) -> PublishedFile {
    PublishedFile { name, split, kind: FileKind::Records, bytes, sha256, content_sha256: sha256 }
}

static CIFAR10: PublishedSet = PublishedSet {
    about: Description {
        name: "cifar10",
        title: "photographs of animals and vehicles",
        credit: "A. Krizhevsky, V. Nair and G. Hinton (2009)",
        license: "none stated; cite the technical report *Learning Multiple Layers of Features from Tiny Images*",
        classes: 10,
        shape: cifar::SHAPE,
        train: 50_000,
        test: 10_000,
        normalisation: CIFAR,
    },
    format: Format::Cifar { label_bytes: 1 },
    files: &[
        records(
            "data_batch_1.bin",
            Split::Train,
            30_730_000,
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        ),
        records(
            "data_batch_2.bin",
            Split::Train,
            30_730_000,
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        ),
        records(
            "data_batch_3.bin",
            Split::Train,
            30_730_000,
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        ),
        records(
            "data_batch_4.bin",
            Split::Train,
            30_730_000,
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        ),
        records(
            "data_batch_5.bin",
            Split::Train,
            30_730_000,
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        ),
        records(
            "test_batch.bin",
            Split::Test,
            30_730_000,
            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        ),
    ],
    archive: Some(Archive {
        download: Download {
            name: "cifar-10-binary.tar.gz",
            bytes: 170_052_171,
            sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        },
        folder: "cifar-10-batches-bin",
        keep: &["data_batch_", "test_batch.bin", "batches.meta.txt"],
        max_entries: 100,
        max_bytes: 300_000_000,
    }),
    mirrors: &["https://www.cs.toronto.edu/~kriz"],
};

static CIFAR100: PublishedSet = PublishedSet {
    about: Description {
        name: "cifar100",
        title: "photographs of 100 kinds of things, by fine label",
        credit: "A. Krizhevsky, V. Nair and G. Hinton (2009)",
        license: "none stated; cite the technical report *Learning Multiple Layers of Features from Tiny Images*",
        classes: 100,
        shape: cifar::SHAPE,
        train: 50_000,
        test: 10_000,
        normalisation: CIFAR,
    },
    format: Format::Cifar { label_bytes: 2 },
    files: &[
        records(
            "train.bin",
            Split::Train,
            153_700_000,
            "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
        ),
        records(
            "test.bin",
            Split::Test,
            30_740_000,
            "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
        ),
    ],
    archive: Some(Archive {
        download: Download {
            name: "cifar-100-binary.tar.gz",
            bytes: 168_513_733,
            sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        },
        folder: "cifar-100-binary",
        keep: &["train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt"],
        max_entries: 100,
        max_bytes: 300_000_000,
    }),
    mirrors: &["https://www.cs.toronto.edu/~kriz"],
};

static TINY_IMAGENET: PublishedSet = PublishedSet {
    about: Description {
        name: "tiny-imagenet",
        title: "photographs of 200 classes of ImageNet, reduced to 64x64",
        credit: "Y. Le and X. Yang (2015), Stanford CS 231N, from ImageNet",
        license: "none stated; ImageNet's terms of access: non-commercial research and education",
        classes: 200,
        shape: tiny_imagenet::SHAPE,
        train: 100_000,
        test: 10_000,
        // The channels' mean and standard deviation, as they are usually rounded for this set.
        normalisation: PixelNormalisation {
            scale: 255.0,
            mean: Cow::Borrowed(&[0.4802, 0.4481, 0.3975]),
            std: Cow::Borrowed(&[0.2302, 0.2265, 0.2262]),
        },
    },
    format: Format::TinyImagenet,
    files: &[],
    archive: Some(Archive {
        download: Download {
            name: "tiny-imagenet-200.zip",
            bytes: 248_100_043,
            sha256: "6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
        },
        folder: "tiny-imagenet-200",
        keep: &["train/", "wnids.txt", "words.txt"],
        max_entries: 125_000,
        max_bytes: 600_000_000,
    }),
    mirrors: &["http://cs231n.stanford.edu"],
};

static FOLDER: OwnSet = OwnSet {
    name: "folder",
    title: "images of your own: train/CLASS/*.png, .jpg or .jpeg, all of one size",
    format: OwnFormat::Folder,
};

static NPY: OwnSet = OwnSet {
    name: "npy",
    title: "arrays of your own: images.npy and labels.npy, or both in data.npz",
    format: OwnFormat::Npy,
};
