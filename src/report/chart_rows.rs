//! Numbers behind a chart, as a CSV table.

/// A point of a chart.
pub(super) struct ChartRow {
    pub(super) series: String,
    /// A number, or a name of an axis of names.
    pub(super) x: String,
    pub(super) y: f64,
    /// The interval's ends.
    pub(super) bounds: Option<(f64, f64)>,
    /// Whether the value is only known to be at least `y`.
    pub(super) is_censored: bool,
    /// The ends of an interval along x.
    pub(super) x_bounds: Option<(f64, f64)>,
}

/// The table's head.
const HEAD: [&str; 8] = [
    "series", "x", "y", "low", "high", "censored", "x_low", "x_high",
];

/// Head and rows.
pub(super) fn table(rows: &[ChartRow]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let in_memory = "memory takes what is written";
    writer.write_record(HEAD).expect(in_memory);
    for row in rows {
        // An end that nobody knows is empty.
        let end = |end: f64| match end.is_finite() {
            true => end.to_string(),
            false => String::new(),
        };
        let ends = |bounds: Option<(f64, f64)>| {
            let (low, high) = bounds.unwrap_or((f64::NAN, f64::NAN));
            [end(low), end(high)]
        };
        let ([low, high], [x_low, x_high]) = (ends(row.bounds), ends(row.x_bounds));
        let (y, censored) = (row.y.to_string(), row.is_censored.to_string());
        let cells = [
            &row.series,
            &row.x,
            &y,
            &low,
            &high,
            &censored,
            &x_low,
            &x_high,
        ];
        writer.write_record(cells).expect(in_memory);
    }
    let bytes = writer.into_inner().expect(in_memory);
    String::from_utf8(bytes).expect("all cells are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_and_quotes_are_one_cell() {
        let row = ChartRow {
            series: "lr 0.1, \"cosine\"".to_owned(),
            x: "a".to_owned(),
            y: 0.1,
            bounds: None,
            is_censored: true,
            x_bounds: Some((1.0, 2.5)),
        };
        let text = table(&[row]);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line, "\"lr 0.1, \"\"cosine\"\"\",a,0.1,,,true,1,2.5");
    }
}
