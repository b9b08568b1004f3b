//! How units of a cube share a tile of rows and outputs.

use cubecl::prelude::*;

use super::V;

/// What a unit and a cube compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tile {
    /// Rows of a unit.
    pub rows: usize,
    /// Outputs of a unit, in fours.
    pub columns: usize,
    /// Units beside one another, over rows.
    pub row_units: usize,
    /// Over outputs.
    pub column_units: usize,
    /// Fours of inputs that are in shared memory at once.
    pub deep: usize,
}

impl Tile {
    /// For so many outputs, in fours: the fastest of those that were tried on an H200 (`docs/design`),
    /// within the 16 KiB of shared memory that every device has.
    pub fn of(outputs: usize) -> Self {
        let (rows, row_units, columns, column_units) = match outputs {
            ..=4 => (4, 32, 1, 4),
            5..=8 => (8, 8, 1, 8),
            9..=16 => (8, 8, 1, 16),
            _ => (8, 8, 2, 16),
        };
        Self { rows, columns, row_units, column_units, deep: 2 }
    }

    /// For so few rows that the others would leave half of a device idle, as a batch of the MLP does; sums have the
    /// same order.
    pub fn small(outputs: usize) -> Self {
        let column_units = outputs.next_power_of_two().clamp(4, 16);
        Self { rows: 2, columns: 1, row_units: 8, column_units, deep: 4 }
    }

    /// Rows of the smallest tile of which a norm's sums are taken.
    pub const LEAST_ROWS: usize = 64;

    pub const fn units(self) -> usize {
        self.row_units * self.column_units
    }

    pub const fn all_rows(self) -> usize {
        self.rows * self.row_units
    }

    pub const fn all_columns(self) -> usize {
        self.columns * self.column_units
    }
}

/// The sum over all rows of units in a column, for each of them.
#[cube]
pub(crate) fn over_rows(
    shared: &mut Shared<[V]>,
    value: V,
    my_row: usize,
    my_column: usize,
    #[comptime] tile: Tile,
) -> V {
    shared[my_row * tile.column_units + my_column] = value;
    sync_cube();
    let halvings = comptime!(tile.row_units.trailing_zeros());
    #[unroll]
    for halving in 0..halvings {
        let half = comptime!(tile.row_units >> (halving + 1));
        if my_row < half {
            let other = shared[(my_row + half) * tile.column_units + my_column];
            shared[my_row * tile.column_units + my_column] += other;
        }
        sync_cube();
    }
    let total = shared[my_column];
    sync_cube();
    total
}
