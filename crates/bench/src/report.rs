//! What a benchmark found: one row per figure, as a table for people or JSON for machines.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::figures::{Latencies, Spread};

/// The result of all runs of one workload. `Display` writes the table, or JSON when the arguments asked for it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Name of the workload; empty for the helper process, which reports nothing.
    pub workload: String,
    /// What was asked for, in the words of the command line.
    pub settings: Vec<Setting>,
    /// The machine and the server that was measured.
    pub machine: Vec<Setting>,
    /// The figures, in the order in which they are explained.
    pub rows: Vec<Row>,
    /// What a reader has to know to believe the figures.
    pub notes: Vec<String>,
    #[serde(skip)]
    as_json: bool,
}

/// One named value of the circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Setting {
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over numbers and texts alike")]
    pub(crate) fn new(name: &str, value: impl ToString) -> Self {
        Self { name: name.to_owned(), value: value.to_string() }
    }
}

/// One figure over all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// Unit of all values.
    pub unit: &'static str,
    /// Median over the runs.
    pub median: f64,
    /// Smallest of the runs.
    pub min: f64,
    /// Largest of the runs.
    pub max: f64,
    /// One value per run, in order.
    pub values: Vec<f64>,
}

/// The figures of a single run. A figure that cannot be known (no process id, no traffic) is left out.
#[derive(Debug, Default)]
pub(crate) struct RunFigures {
    figures: Vec<(&'static str, &'static str, f64)>,
    pub(crate) notes: Vec<String>,
}

impl RunFigures {
    pub(crate) fn push(&mut self, name: &'static str, unit: &'static str, value: impl Into<Option<f64>>) {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            self.figures.push((name, unit, value));
        }
    }

    /// The percentiles of `latencies` in milliseconds; `names` are for 50, 90, 99 and 99.9 % and the longest.
    pub(crate) fn push_latencies(&mut self, names: [&'static str; 5], latencies: &Latencies) {
        for (name, share) in names.into_iter().zip([0.5, 0.9, 0.99, 0.999]) {
            self.push(name, "ms", latencies.percentile(share).map(millis));
        }
        self.push(names[4], "ms", latencies.max().map(millis));
    }
}

/// A duration as milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// `part / whole`; `None` when there is nothing to divide by.
pub(crate) fn ratio(part: impl Into<Option<f64>>, whole: impl Into<Option<f64>>) -> Option<f64> {
    match (part.into(), whole.into()) {
        (Some(part), Some(whole)) if whole > 0.0 => Some(part / whole),
        _ => None,
    }
}

impl Report {
    /// Joins the runs: one row per figure that any run has, in order of first appearance.
    pub(crate) fn new(
        workload: &str,
        settings: Vec<Setting>,
        machine: Vec<Setting>,
        runs: Vec<RunFigures>,
        as_json: bool,
    ) -> Self {
        let mut columns: Vec<(&'static str, &'static str, Vec<f64>)> = Vec::new();
        let mut notes: Vec<String> = Vec::new();
        for run in runs {
            for (name, unit, value) in run.figures {
                match columns.iter_mut().find(|column| column.0 == name) {
                    Some(column) => column.2.push(value),
                    None => columns.push((name, unit, vec![value])),
                }
            }
            for note in run.notes {
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
        let rows = columns
            .into_iter()
            .filter_map(|(name, unit, values)| {
                let Spread { median, min, max } = Spread::of(&values)?;
                Some(Row { name, unit, median, min, max, values })
            })
            .collect();
        Self { workload: workload.to_owned(), settings, machine, rows, notes, as_json }
    }

    /// The row of that name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report holds only text and finite numbers")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workload.is_empty() {
            return Ok(());
        }
        if self.as_json {
            return writeln!(out, "{}", self.to_json());
        }
        writeln!(out, "tsudoi bench {}", self.workload)?;
        for settings in [&self.settings, &self.machine] {
            let line: Vec<String> =
                settings.iter().map(|setting| format!("{} {}", setting.name, setting.value)).collect();
            writeln!(out, "  {}", line.join(", "))?;
        }
        writeln!(out)?;
        let cells: Vec<[String; 5]> = self
            .rows
            .iter()
            .map(|row| [row.name.to_owned(), shown(row.median), shown(row.min), shown(row.max), row.unit.to_owned()])
            .collect();
        let head = ["", "median", "min", "max", "unit"].map(str::to_owned);
        let widths: [usize; 5] = std::array::from_fn(|column| {
            std::iter::once(&head).chain(&cells).map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for [name, median, min, max, unit] in std::iter::once(&head).chain(&cells) {
            let [wide_name, wide_median, wide_min, wide_max, _] = widths;
            let line =
                format!("  {name:<wide_name$}  {median:>wide_median$}  {min:>wide_min$}  {max:>wide_max$}  {unit}");
            writeln!(out, "{}", line.trim_end())?;
        }
        for note in &self.notes {
            writeln!(out, "  note: {note}")?;
        }
        Ok(())
    }
}

/// A number for people: thousands grouped, three or four digits that matter.
fn shown(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 || value == 0.0 {
        let digits = format!("{size:.0}");
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        if value < 0.0 { format!("-{grouped}") } else { grouped }
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Vec<RunFigures> {
        [10_000.0, 12_500.5, 11_000.0]
            .into_iter()
            .map(|rate| {
                let mut run = RunFigures::default();
                run.push("sends per second", "1/s", rate);
                run.push("ratio", "", Some(0.5));
                run.push("unknown", "", None);
                run.push("not a number", "", f64::NAN);
                run.notes.push("the reference answers 405".to_owned());
                run
            })
            .collect()
    }

    #[test]
    fn the_table_quotes_median_and_extremes() {
        let report =
            Report::new("sends", vec![Setting::new("connections", 8)], vec![Setting::new("cores", 2)], runs(), false);
        let expected = "\
tsudoi bench sends
  connections 8
  cores 2

                    median     min     max  unit
  sends per second  11,000  10,000  12,500  1/s
  ratio             0.5000  0.5000  0.5000
  note: the reference answers 405
";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn json_holds_every_run() {
        let report = Report::new("sends", vec![], vec![], runs(), true);
        let json: serde_json::Value = serde_json::from_str(&report.to_string()).unwrap();
        assert_eq!(json["rows"][0]["values"], serde_json::json!([10_000.0, 12_500.5, 11_000.0]));
        assert_eq!(json["rows"][0]["median"], 11_000.0);
        assert_eq!(json["notes"].as_array().unwrap().len(), 1);
        assert_eq!(report.row("ratio").unwrap().unit, "");
    }

    #[test]
    fn the_helper_process_prints_nothing() {
        assert_eq!(Report::default().to_string(), "");
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.123_456, "0.1235"),
            (1.5, "1.50"),
            (123.456, "123.5"),
            (999.99, "1000.0"),
            (1_234_567.8, "1,234,568"),
            (-2_000.0, "-2,000"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(None, 2.0), None);
        assert_eq!(ratio(1.0, 2.0), Some(0.5));
    }
}
