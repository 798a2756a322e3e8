//! Libraries that are loaded at run time, with their functions there for all: on Unix.

use std::path::Path;

use libloading::Library;

/// Whether this system loads libraries so.
pub(crate) const CAN_LOAD: bool = cfg!(unix);

/// Loads a library; its functions are there for those that it loads itself.
///
/// # Errors
/// The system's reason.
#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "what a library does as it is loaded is its own affair"
)]
pub(crate) fn load_for_all(path: &Path) -> Result<Library, String> {
    use libloading::os::unix;
    use std::error::Error;
    let flags = unix::RTLD_NOW | unix::RTLD_GLOBAL;
    // SAFETY: what runs as it is loaded is what the user or the system chose.
    let library = unsafe { unix::Library::open(Some(path), flags) };
    // The error itself says no more than which function failed.
    let library = library.map_err(|error| match error.source() {
        Some(reason) => reason.to_string(),
        None => error.to_string(),
    })?;
    Ok(library.into())
}

/// Loads none.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub(crate) fn load_for_all(_: &Path) -> Result<Library, String> {
    Err("libraries are loaded for all on Unix alone".to_owned())
}

/// A library's name on this system: `libmpi.so.40` is `libmpi.40.dylib` on macOS.
pub(crate) fn file_name(name: &str) -> String {
    match name.split_once(".so") {
        Some((stem, version)) if cfg!(target_os = "macos") => format!("{stem}{version}.dylib"),
        _ => name.to_owned(),
    }
}
