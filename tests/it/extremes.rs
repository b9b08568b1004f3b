//! Every number of an experiment at its extremes: what cannot be is refused by its key, and what can be
//! runs, or stops when it is asked to. Nothing panics, aborts or hangs.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{TestResult, losswalk};

/// Numbers beyond what any setting can mean, or at the edge of it.
const VALUES: [&str; 12] = [
    "0",
    "-1",
    "-9223372036854775808",
    "1e300",
    "1e-300",
    "18446744073709551615",
    "9223372036854775807",
    "1000000000",
    "10000000",
    "nan",
    "inf",
    "-inf",
];

const LINE: &str = "[{kind='line',iterations=1}]";
const CERTIFIED: &str = "[{kind='line',iterations=1,mode='certified'}]";
const ALIGNMENT: &str = "[{kind='alignment',epochs=[0],batches=1}]";
const COVARIANCE: &str = "[{kind='covariance',epochs=[0],batches=2,probes=2}]";
const SPECTRUM: &str = "[{kind='spectrum',epochs=[0],top=1,max_products=4,batches=1,probes=1}]";
const CONVOLUTION: &str =
    "[{kind='convolution',name='a',outputs=2},{kind='linear',name='b',outputs=10}]";
const POOL: &str = "[{kind='max-pool'},{kind='linear',name='b',outputs=10}]";

/// Keys of numbers, each beside the settings that it needs.
const NUMBERS: [(&str, &[&str]); 47] = [
    ("data.train_samples", &[]),
    ("data.pad", &[]),
    ("data.channels", &[]),
    ("model.width", &["model.arch=vgg11", "data.pad=32"]),
    ("model.depth", &["model.arch=resnet"]),
    ("model.depth", &["model.arch=wide-resnet", "model.widen=1"]),
    ("model.widen", &["model.arch=wide-resnet", "model.depth=10"]),
    ("model.layers.outputs", &[CONVOLUTION]),
    ("model.layers.kernel_size", &[CONVOLUTION]),
    ("model.layers.stride", &[CONVOLUTION]),
    ("model.layers.size", &[POOL]),
    ("train.learning_rate", &[]),
    ("train.batch_size", &[]),
    ("train.epochs", &[]),
    ("train.weight_decay", &[]),
    ("train.momentum", &[]),
    ("train.seed", &[]),
    ("train.chunk", &[]),
    ("train.beta1", &["train.optimizer=adam"]),
    ("train.beta2", &["train.optimizer=adam"]),
    ("train.epsilon", &["train.optimizer=adam"]),
    ("train.schedule.every", &["train.schedule={kind='step'}"]),
    ("train.schedule.factor", &["train.schedule={kind='step',every=1}"]),
    ("train.schedule.factor", &["train.schedule={kind='milestones',milestones=[1]}"]),
    ("train.schedule.minimum_rate", &["train.schedule={kind='cosine'}"]),
    ("train.schedule.warmup_steps", &["train.schedule={kind='constant'}"]),
    ("train.schedule.warmup_factor", &["train.schedule={kind='constant'}"]),
    ("evaluation.batch_size", &[]),
    ("measure.epochs", &[LINE]),
    ("measure.iterations", &[LINE]),
    ("measure.error", &[CERTIFIED]),
    ("measure.points", &[LINE]),
    ("measure.reach", &[LINE]),
    ("measure.batches", &[ALIGNMENT]),
    ("measure.batches", &[COVARIANCE]),
    ("measure.probes", &[COVARIANCE]),
    ("measure.batches", &[SPECTRUM]),
    ("measure.probes", &[SPECTRUM]),
    ("measure.probe_products", &[SPECTRUM]),
    ("measure.top", &[SPECTRUM]),
    ("measure.tolerance", &[SPECTRUM]),
    ("measure.max_products", &[SPECTRUM]),
    ("measure.epochs", &[ALIGNMENT]),
    ("measure.epochs", &[SPECTRUM]),
    ("measure.points", &[LINE, "evaluation.precision=f64"]),
    ("measure.points", &[LINE, "evaluation.batch_norm=recomputed"]),
    ("measure.points", &[LINE, "evaluation.protocol=authors"]),
];

/// Keys of lists of numbers, of which one is extreme.
const LISTS: [(&str, &[&str]); 9] = [
    ("data.mean", &[]),
    ("data.std", &[]),
    ("model.hidden", &[]),
    ("train.schedule.milestones", &["train.schedule={kind='milestones'}"]),
    ("measure.epochs", &[LINE]),
    ("measure.epochs", &[COVARIANCE]),
    ("measure.batch_sizes", &[ALIGNMENT]),
    ("measure.batch_sizes", &[COVARIANCE]),
    ("measure.batch_sizes", &[SPECTRUM]),
];

/// How long a run may take until it is asked to stop, and then until it has.
const PATIENCE: Duration = Duration::from_secs(2);

struct Case {
    key: &'static str,
    settings: Vec<String>,
}

impl Case {
    /// The case of a key with a value; a list stands for the kind of what is measured or of the layers.
    fn new(key: &'static str, context: &[&str], value: &str) -> Self {
        let setting = |&text: &&str| match text {
            CONVOLUTION | POOL => {
                vec!["model.arch=layers".to_owned(), format!("model.layers={text}")]
            }
            _ if text.starts_with('[') => vec![format!("measure={text}")],
            _ => vec![text.to_owned()],
        };
        let mut settings: Vec<_> = context.iter().flat_map(setting).collect();
        match key.strip_prefix("model.layers.") {
            // Deeper than `--set` reaches.
            Some(field) => {
                let list = settings.pop().unwrap_or_default();
                let list = list.replacen('}', &format!(",{field}={value}}}"), 1);
                settings.push(list.replacen(",outputs=2,outputs", ",outputs", 1));
            }
            None => settings.push(format!("{key}={value}")),
        }
        Self { key, settings }
    }

    /// The program on 20 images, in few steps.
    fn command(&self, folder: &TempDir, name: &str) -> Command {
        let mut command = losswalk();
        command.args(["run", "experiments/quickstart.toml", "--threads", "1", "--out"]);
        command.arg(folder.path().join(name));
        for setting in [
            "data.train_samples=20",
            "train.epochs=1",
            "train.batch_size=10",
            "model={arch='mlp'}",
            "measure=[]",
        ] {
            command.args(["--set", setting]);
        }
        self.settings.iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// What was wrong with how it ended, if anything.
    fn fault(&self, code: Option<i32>, stderr: &str) -> Option<String> {
        let key = match self.key.split_once('.') {
            Some(("model", key)) if key.starts_with("layers") => "model.layers".to_owned(),
            Some(("measure", key)) => format!("measure[0].{key}"),
            _ => self.key.to_owned(),
        };
        let is_right = match code {
            Some(0 | 3 | 130) => true,
            Some(2) => stderr.contains(&key),
            _ => false,
        };
        let is_calm = !stderr.contains("panicked") && !stderr.contains("backtrace");
        (!is_right || !is_calm).then(|| format!("{:?}: {code:?}: {stderr}", self.settings))
    }
}

/// Waits for the end, asks to stop after a while, and kills what does not.
fn end(child: &mut Child) -> TestResult<Option<i32>> {
    let mut asked = false;
    let mut since = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if since.elapsed() > PATIENCE {
            if asked {
                child.kill()?;
                child.wait()?;
                return Err("hangs".into());
            }
            (asked, since) = (true, Instant::now());
            Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn numbers_beyond_all_bounds_are_refused_by_key_or_run() -> TestResult {
    let folder = tempfile::tempdir()?;
    let numbers = NUMBERS.iter().map(|&(key, context)| (key, context, false));
    let lists = LISTS.iter().map(|&(key, context)| (key, context, true));
    let (mut faults, mut refused, mut tried) = (Vec::new(), 0, 0);
    for (key, context, is_list) in numbers.chain(lists) {
        for value in VALUES {
            let value = if is_list { format!("[{value}]") } else { value.to_owned() };
            let case = Case::new(key, context, &value);
            tried += 1;
            let mut child = case.command(&folder, &tried.to_string()).spawn()?;
            let code = end(&mut child);
            let stderr = child.stderr.take().map(std::io::read_to_string).transpose()?;
            match code {
                Err(error) => faults.push(format!("{:?}: {error}", case.settings)),
                Ok(code) => {
                    refused += usize::from(code == Some(2));
                    faults.extend(case.fault(code, &stderr.unwrap_or_default()));
                }
            }
        }
    }
    println!("{tried} settings tried, {refused} refused");
    assert!(faults.is_empty(), "{} of {tried}:\n{}", faults.len(), faults.join("\n"));
    assert!(refused > tried / 2, "{refused} of {tried} refused");
    Ok(())
}
