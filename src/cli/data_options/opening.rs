//! Opening data with a bar on the terminal while images are decoded.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::data::{DataError, DataOptions, OpenEvent, Opened, open_observed};
use crate::sync::Mutex;

use super::flag_names::in_flags;

/// Opens what lies at `path`; warnings go to stderr.
pub(crate) fn opened(path: &Path, options: &DataOptions) -> Result<Opened, DataError> {
    let bar: Mutex<Option<ProgressBar>> = Mutex::new(None);
    open_observed(path, options, |event| {
        let mut bar = bar.lock();
        match event {
            OpenEvent::Decoded { all } => bar.get_or_insert_with(|| decoding(all)).inc(1),
            OpenEvent::FolderEnds => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
            OpenEvent::Warning(text) => note!("warning: {}", in_flags(text)),
        }
    })
}

fn decoding(all: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("decoding {bar:30} {pos} of {len} images, {eta} left");
    ProgressBar::new(all as u64).with_style(style.expect("the template is well-formed"))
}
