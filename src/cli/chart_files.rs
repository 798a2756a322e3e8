//! The files of a command's one chart: its picture as SVG, its numbers as CSV.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs};

use crate::output;
use crate::report::Chart;

use super::error::{CommandError, refused};
use super::out_file::OutFile;

/// Where a chart is written to.
#[derive(Debug, ClapArgs)]
#[command(group = ArgGroup::new("chart").args(["svg", "csv"]).multiple(true))]
pub(super) struct ChartArgs {
    /// Write the chart to this file as SVG; - for stdout
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Write the numbers of the chart to this file as CSV; - for stdout
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Overwrite an existing file, whatever it is
    #[arg(long, requires = "chart")]
    force: bool,
}

/// The files, none of which is lost.
pub(super) struct ChartFiles<'p> {
    svg: Option<OutFile<'p>>,
    csv: Option<OutFile<'p>>,
}

impl ChartArgs {
    /// Refuses files that are there already, before anything is computed for them.
    pub(super) fn files(&self) -> Result<ChartFiles<'_>, CommandError> {
        let svg = out_file(&self.svg, self.force)?;
        let csv = out_file(&self.csv, self.force)?;
        if let (Some(svg), Some(csv)) = (&svg, &csv)
            && output::is_one_place(svg.path(), csv.path())
        {
            let expected = "another file than --svg";
            return Err(refused("csv", expected, &csv.path().display().to_string()).into());
        }
        Ok(ChartFiles { svg, csv })
    }
}

impl ChartFiles<'_> {
    pub(super) fn write(&self, chart: &dyn Chart) -> Result<(), CommandError> {
        if let Some(file) = &self.svg {
            file.write(chart.svg().as_bytes())?;
            say!("chart: {}", file.path().display());
        }
        if let Some(file) = &self.csv {
            file.write(chart.csv().as_bytes())?;
            say!("numbers: {}", file.path().display());
        }
        Ok(())
    }
}

fn out_file(path: &Option<PathBuf>, force: bool) -> Result<Option<OutFile<'_>>, CommandError> {
    let path = path.as_deref();
    path.map(|path| OutFile::new(path, force, &[])).transpose()
}
