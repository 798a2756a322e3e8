//! `unisono cache clear`: the caches of decoded images are removed.

use crate::data::ImageCache;
use crate::train::TrainError;

use super::args::CacheClearArgs;
use super::data_options::cache;
use super::error::CommandError;

pub(super) fn clear(args: &CacheClearArgs) -> Result<(), CommandError> {
    let Some(folder) = cache(args.cache.as_deref()) else {
        say!("removed: nothing, as there is no folder for caches");
        return Ok(());
    };
    let cleared = ImageCache::clear(&folder).map_err(TrainError::from)?;
    say!(
        "removed: {} caches of decoded images, {:.1} MB, from {}",
        cleared.files,
        cleared.bytes as f64 / 1e6,
        folder.display()
    );
    Ok(())
}
