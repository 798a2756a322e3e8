//! Export of named tensors for NumPy.

use std::io::{Cursor, Seek, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::nn::Network;
use crate::output;

use super::error::ExportError;
use super::safetensors::PRODUCER;

/// Writes the weights by name, not compressed, at once or not at all; what is no plain file is
/// written through, and `-` is stdout.
///
/// ```
/// use unisono::{data::read_npz, export::write_npz, nn::{Network, Sequential}};
/// let network = Network::new(Sequential::new(3).dense(2), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-{}.npz", std::process::id()));
/// write_npz(&file, &network)?;
/// let arrays = read_npz(&file)?;
/// assert_eq!(arrays.len(), 2);
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError::Write`].
pub fn write_npz(path: &Path, network: &Network) -> Result<(), ExportError> {
    let failed = ExportError::write(path);
    let write = || -> std::io::Result<()> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut at = 0;
        for tensor in network.layout().tensors() {
            let len: usize = tensor.shape.iter().product();
            let values = &network.params()[at..at + len];
            add(&mut zip, &tensor.name, &tensor.shape, values)?;
            at += len;
        }
        zip.set_comment(PRODUCER)?;
        output::write(path, zip.finish()?.into_inner())
    };
    write().map_err(failed)
}

/// Adds an array in NumPy's format 1.0: magic, length of the head, the head padded to 64 bytes, the
/// values.
fn add<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    name: &str,
    shape: &[usize],
    values: &[f32],
) -> std::io::Result<()> {
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file(format!("{name}.npy"), stored)?;
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let mut head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes}), }}");
    // Ten bytes stand before it.
    let len = (10 + head.len() + 1).next_multiple_of(64) - 10;
    head = format!("{head:<width$}\n", width = len - 1);
    zip.write_all(b"\x93NUMPY\x01\x00")?;
    zip.write_all(&(head.len() as u16).to_le_bytes())?;
    zip.write_all(head.as_bytes())?;
    zip.write_all(bytemuck::cast_slice(values))
}
