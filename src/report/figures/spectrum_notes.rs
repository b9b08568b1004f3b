//! What the figure of the spectrum says in words: the last spectrum, and how far it is known.

use crate::report::run_data::RunData;
use crate::report::spread::{significant, with_error};
use crate::run::SpectrumRecord;

use super::by_step::named;
use super::epoch_line::epoch_name;

/// The last spectrum of each run, then what to keep in mind.
pub(super) fn notes(runs: &[RunData]) -> Vec<String> {
    let last = |run: &RunData| Some(named(runs, run, &last_spectrum(run.spectra.last()?)));
    let mut notes: Vec<String> = runs.iter().filter_map(last).collect();
    notes.extend(random_share(runs));
    let spectra = || runs.iter().flat_map(|run| &run.spectra);
    let left = spectra().filter(|spectrum| !spectrum.converged).count();
    if left > 0 {
        notes.push(format!(
            "{left} of {} spectra ran out of products with H: their residuals, in spectrum.csv, are \
             larger than asked for.",
            spectra().count()
        ));
    }
    if spectra().any(|spectrum| spectrum.weight_decay != 0.0) {
        notes.push(
            "Weight decay is part of the loss here and adds its factor to every λ.".to_owned(),
        );
    }
    notes
}

/// λ_max with its residual, and what else is known of a spectrum.
fn last_spectrum(spectrum: &SpectrumRecord) -> String {
    let largest = largest(spectrum);
    let trace = spectrum.trace.map(|trace| match spectrum.trace_error {
        Some(error) => format!("; trace of H {} (standard error)", with_error(trace, error)),
        None => format!("; trace of H {} (one probe)", significant(trace)),
    });
    let epoch = epoch_name(spectrum.epoch);
    format!("Last measured, {epoch}: λ_max = {largest}{}.", trace.unwrap_or_default())
}

/// lambda_max and its residual.
pub(in crate::report) fn largest(spectrum: &SpectrumRecord) -> String {
    let ends = spectrum.eigenvalues.first().zip(spectrum.residuals.first());
    ends.map_or("unknown".to_owned(), |(value, residual)| {
        format!("{} (residual {residual:.1e})", significant(*value))
    })
}

/// What shares are to be compared with.
fn random_share(runs: &[RunData]) -> Option<String> {
    let of_run = |run: &RunData| {
        let top = run.spectra.iter().map(|spectrum| spectrum.eigenvalues.len()).max()?;
        Some((top, run.manifest.parameter_count))
    };
    let counts: Vec<_> = runs.iter().filter_map(of_run).collect();
    let (top, parameters) = *counts.first()?;
    counts.iter().all(|count| *count == (top, parameters)).then(|| {
        let share = top as f64 / parameters as f64;
        format!(
            "A random direction has a share and an overlap of {top} / {parameters} = {share:.1e}."
        )
    })
}
