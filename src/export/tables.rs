//! The columns of every record file and their kinds. `docs/records.md` says what they mean; tests hold
//! both to the records.

use std::fmt;

/// A record file as a table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its file is `NAME.jsonl`.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
}

/// A column of a table, or of the records in one.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The key in the records.
    pub name: &'static str,
    /// What its values are, where they are not null.
    pub kind: Kind,
}

/// What a value is. Any value may be null.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number from 0, below 2⁶⁴.
    Integer,
    /// A double.
    Number,
    /// True or false.
    Boolean,
    /// A text.
    Text,
    /// Values of a kind, in order. A single value stands for a list of one.
    List(&'static Kind),
    /// Records with these columns.
    Record(&'static [Column]),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("integer"),
            Self::Number => f.write_str("number"),
            Self::Boolean => f.write_str("boolean"),
            Self::Text => f.write_str("text"),
            Self::List(kind) => write!(f, "list of {kind}"),
            Self::Record(_) => f.write_str("record"),
        }
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

const fn integer(name: &'static str) -> Column {
    column(name, Kind::Integer)
}

const fn number(name: &'static str) -> Column {
    column(name, Kind::Number)
}

const fn boolean(name: &'static str) -> Column {
    column(name, Kind::Boolean)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn list(name: &'static str, kind: &'static Kind) -> Column {
    column(name, Kind::List(kind))
}

const NUMBERS: Kind = Kind::List(&Kind::Number);

/// Every table that a run can have.
pub const TABLES: [Table; 7] = [
    Table { name: "steps", columns: STEPS },
    Table { name: "line", columns: LINE },
    Table { name: "epochs", columns: EPOCHS },
    Table { name: "alignment", columns: ALIGNMENT },
    Table { name: "covariance", columns: COVARIANCE },
    Table { name: "spectrum", columns: SPECTRUM },
    Table { name: "timing", columns: TIMING },
];

const STEPS: &[Column] = &[
    integer("step"),
    integer("epoch"),
    integer("iteration"),
    number("learning_rate"),
    integer("batch_size"),
    number("batch_loss"),
    number("grad_norm"),
    number("cosine"),
    number("update_cosine"),
    number("update_norm"),
    number("distance"),
    number("path_length"),
    number("param_norm"),
];

const LINE: &[Column] = &[
    integer("step"),
    integer("epoch"),
    integer("iteration"),
    list("alphas", &Kind::Number),
    list("losses", &Kind::Number),
    list("samples", &Kind::Integer),
    boolean("barrier"),
    number("barrier_height"),
    number("barrier_height_mean"),
    number("floor_loss"),
    number("floor_alpha"),
    text("precision"),
    number("trusted_error"),
    boolean("resolved"),
    text("mode"),
    number("error"),
    text("assume"),
    text("method"),
    list("units", &Kind::Integer),
    list("bounds", &NUMBERS),
    list("barrier_height_bounds", &Kind::Number),
    list("floor_loss_bounds", &Kind::Number),
    list("floor_alpha_bounds", &Kind::Number),
    text("protocol"),
    text("batch_norm"),
    number("slope"),
    number("curvature"),
    number("predicted_change"),
    list("reach_alphas", &Kind::Number),
    list("reach_losses", &Kind::Number),
    number("critical_alpha"),
];

const EPOCHS: &[Column] = &[
    integer("step"),
    integer("epoch"),
    number("loss"),
    number("accuracy"),
    number("test_loss"),
    number("test_accuracy"),
    text("precision"),
    text("batch_norm"),
];

const ALIGNMENT: &[Column] = &[
    integer("step"),
    integer("epoch"),
    integer("batch_size"),
    integer("batch"),
    number("grad_norm"),
    number("alignment"),
    number("alignment_batch"),
    number("covariance"),
    number("squared_slope"),
    number("residual"),
    number("weight_decay"),
    text("precision"),
    text("batch_norm"),
];

const COVARIANCE: &[Column] = &[
    integer("step"),
    integer("epoch"),
    integer("batch_size"),
    integer("batches"),
    number("trace"),
    number("trace_error"),
    number("predicted"),
    number("ratio"),
    number("ratio_error"),
    number("sample_trace"),
    number("sample_trace_error"),
    number("squared_grad_norm"),
    number("noise_scale"),
    text("precision"),
    text("batch_norm"),
];

const SPECTRUM: &[Column] = &[
    integer("step"),
    integer("epoch"),
    list("eigenvalues", &Kind::Number),
    list("residuals", &Kind::Number),
    number("lambda_min"),
    number("lambda_min_residual"),
    number("learning_rate_times_lambda_max"),
    integer("products"),
    boolean("converged"),
    number("tolerance"),
    list("shares", &Kind::Record(SHARES)),
    number("update_share"),
    number("overlap"),
    number("trace"),
    number("trace_error"),
    list("density", &Kind::Record(DENSITY)),
    number("weight_decay"),
    text("precision"),
    text("batch_norm"),
];

const SHARES: &[Column] =
    &[integer("batch_size"), integer("batches"), number("mean"), number("deviation")];

const DENSITY: &[Column] = &[list("nodes", &Kind::Number), list("weights", &Kind::Number)];

const TIMING: &[Column] = &[
    integer("step"),
    number("train_seconds"),
    number("line_seconds"),
    number("curvature_seconds"),
    number("scores_seconds"),
    number("other_seconds"),
    integer("sample_points"),
];
