//! `losswalk run --dry-run`.

use indicatif::{DecimalBytes, HumanCount, HumanDuration};

use crate::experiment::Experiment;
use crate::objective::Interrupt;
use crate::walk::{Outlook, Rates, Setup, prepare};

/// Reckons what an experiment takes on this machine.
pub(super) fn outlook(
    experiment: &Experiment,
    setup: &Setup,
    interrupt: &Interrupt,
) -> anyhow::Result<Outlook> {
    let prepared = prepare(experiment, setup, interrupt)?;
    prepared.check_memory()?;
    let excerpt = Rates::excerpt(experiment, prepared.plan.samples, setup.threads);
    let rates = Rates::measure(experiment, &prepare(&excerpt, setup, interrupt)?)?;
    Ok(prepared.outlook(&experiment.name, &rates))
}

/// The same as a table.
pub(super) fn table(outlook: &Outlook) -> String {
    let Outlook { parameters, samples, steps, measured_updates, memory_bytes, .. } = outlook;
    let count = |count: u64| HumanCount(count).to_string();
    let seconds = outlook.seconds.iter().map(|(part, seconds)| (*part, time(*seconds)));
    let bytes = outlook.disk_bytes.iter();
    let bytes = bytes.map(|(part, bytes)| (*part, DecimalBytes(*bytes).to_string()));
    let rows = [
        ("network", format!("{} parameters", count(*parameters as u64))),
        ("steps", count(*steps)),
        (
            "measured updates",
            format!("{} on {} images", count(*measured_updates), count(*samples as u64)),
        ),
        (
            "time",
            format!("about {} on this machine{}", time(outlook.total_seconds()), listed(seconds)),
        ),
        ("disk", format!("about {}{}", DecimalBytes(outlook.total_disk_bytes()), listed(bytes))),
        ("memory", format!("at least {}", DecimalBytes(*memory_bytes))),
    ];
    let rows = rows.map(|(name, value)| format!("  {name:<20} {value}\n"));
    format!("{} (nothing was written)\n{}", outlook.name, rows.concat().trim_end())
}

fn listed(parts: impl Iterator<Item = (&'static str, String)>) -> String {
    parts.map(|(name, value)| format!("\n    {name:<31} {value}")).collect()
}

pub(super) fn time(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{seconds:.1} seconds");
    }
    std::time::Duration::try_from_secs_f64(seconds).map_or_else(
        |_| "more than can be counted".to_owned(),
        |time| HumanDuration(time).to_string(),
    )
}
