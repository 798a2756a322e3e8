//! A folder of images, a folder a class: PNG and JPEG, decoded on all cores.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::DataError;
use super::image_cache::ImageCache;
use super::images::{ImageDataset, ImageShape};

/// The largest edge of an image that is decoded, in pixels.
const MOST_PIXELS: u32 = 1 << 15;

/// The most memory that decoding one image may take, in bytes.
const MOST_BYTES: u64 = 1 << 29;

/// What to do with an image that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadSample {
    /// End with its error.
    #[default]
    Error,
    /// Leave it out, and name it.
    Skip,
}

/// How a folder of images is read.
///
/// ```
/// use unisono::data::{ImageFolder, OnBadSample};
/// let how = ImageFolder { size: Some((32, 32)), is_grey: true, ..ImageFolder::default() };
/// let error = how.read("no/such/folder".as_ref(), &|_| {}).unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ImageFolder {
    /// Height and width that every image is resized to (bilinear); `None` if all have one size already.
    pub size: Option<(usize, usize)>,
    /// One channel instead of three.
    pub is_grey: bool,
    /// What to do with an image that cannot be read.
    pub on_bad_sample: OnBadSample,
    /// Where decoded images are kept for the next time; `None` for nowhere.
    pub cache: Option<PathBuf>,
}

/// What a folder held.
#[derive(Debug)]
pub struct LoadedImages {
    /// The images, ordered by class and name.
    pub images: ImageDataset,
    /// The names of the class folders, in order.
    pub class_names: Vec<String>,
    /// Files that were left out, and why.
    pub skipped: Vec<DataError>,
    /// What hindered the cache: it is only slower without.
    pub warnings: Vec<String>,
    /// Whether nothing had to be decoded.
    pub is_from_cache: bool,
}

impl ImageFolder {
    /// Reads `folder`, whose folders are the classes (in order of their names); `progress` is called once for every image
    /// that is decoded, by any thread, with the number of all.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for a folder without two classes or with a class without images, for an image that cannot
    /// be decoded (unless it is to be skipped), or one of another size.
    pub fn read(
        &self,
        folder: &Path,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<LoadedImages, DataError> {
        let (class_names, files) = files(folder)?;
        let Some(cache) = &self.cache else {
            return self.decode(class_names, &files, progress);
        };
        let key = self.key(folder, &files)?;
        let path = cache.join(format!("{}.images", &key[..32]));
        let mut warnings = Vec::new();
        if path.exists() {
            match ImageCache::open(&path, &key) {
                Ok(ImageCache {
                    images,
                    class_names,
                }) => {
                    return Ok(LoadedImages {
                        images,
                        class_names,
                        skipped: Vec::new(),
                        warnings,
                        is_from_cache: true,
                    });
                }
                Err(error) => warnings.push(format!("{error}; it is made anew")),
            }
        }
        let mut loaded = self.decode(class_names, &files, progress)?;
        loaded.warnings = warnings;
        // What was skipped shall be named the next time too.
        if loaded.skipped.is_empty() {
            let kept = ImageCache {
                images: loaded.images.clone(),
                class_names: loaded.class_names.clone(),
            };
            let made = std::fs::create_dir_all(cache).map_err(|source| DataError::Io {
                path: cache.clone(),
                source,
            });
            if let Err(error) = made.and_then(|()| kept.write(&path, &key)) {
                loaded.warnings.push(format!("no cache: {error}"));
            }
        }
        Ok(loaded)
    }

    /// A fingerprint of names and contents of the files, and of how they are read.
    fn key(&self, folder: &Path, files: &[(PathBuf, u32)]) -> Result<String, DataError> {
        let one = |(path, _): &(PathBuf, u32)| -> Result<[u8; 32], DataError> {
            let bytes = read(path)?;
            let name = path.strip_prefix(folder).unwrap_or(path);
            let hash = Sha256::new().chain_update(name.as_os_str().as_encoded_bytes());
            Ok(hash.chain_update([0]).chain_update(bytes).finalize().into())
        };
        let all: Vec<[u8; 32]> = files.par_iter().map(one).collect::<Result<_, _>>()?;
        let how = format!("{:?} {}", self.size, self.is_grey);
        let hash = Sha256::new().chain_update(how).chain_update(all.concat());
        Ok(hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    fn decode(
        &self,
        class_names: Vec<String>,
        files: &[(PathBuf, u32)],
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<LoadedImages, DataError> {
        let one = |(path, class): &(PathBuf, u32)| {
            let image = self.image(path);
            progress(files.len());
            (image, *class)
        };
        let decoded: Vec<_> = files.par_iter().map(one).collect();
        let (mut pixels, mut classes, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        let mut shape: Option<(ImageShape, &Path)> = None;
        for ((image, class), (path, _)) in decoded.into_iter().zip(files) {
            let (of, bytes) = match (image, self.on_bad_sample) {
                (Ok(image), _) => image,
                (Err(error), OnBadSample::Skip) => {
                    skipped.push(error);
                    continue;
                }
                (Err(error), OnBadSample::Error) => return Err(error),
            };
            let (first, first_path) = shape.get_or_insert((of, path));
            if of != *first {
                let expected = format!(
                    "{} x {} pixels like {}, or a size that all images are brought to",
                    first.height,
                    first.width,
                    first_path.display()
                );
                let got = format!("{} x {}", of.height, of.width);
                return Err(refuse(path, &expected, got));
            }
            pixels.extend(bytes);
            classes.push(class);
        }
        let (shape, _) = shape.ok_or(DataError::Empty)?;
        Ok(LoadedImages {
            images: ImageDataset::new(pixels, shape, classes, class_names.len())?,
            class_names,
            skipped,
            warnings: Vec::new(),
            is_from_cache: false,
        })
    }

    fn image(&self, path: &Path) -> Result<(ImageShape, Vec<u8>), DataError> {
        let bytes = read(path)?;
        let decoded = decoded(&bytes)
            .map_err(|error| refuse(path, "a PNG or JPEG image", error.to_string()))?;
        Ok(self.prepared(decoded))
    }

    fn prepared(&self, image: DynamicImage) -> (ImageShape, Vec<u8>) {
        let resized = match self.size {
            Some((height, width))
                if (image.height() as usize, image.width() as usize) != (height, width) =>
            {
                image.resize_exact(width as u32, height as u32, FilterType::Triangle)
            }
            _ => image,
        };
        let shape = ImageShape {
            height: resized.height() as usize,
            width: resized.width() as usize,
            channels: if self.is_grey { 1 } else { 3 },
        };
        let bytes = match self.is_grey {
            true => resized.into_luma8().into_raw(),
            false => resized.into_rgb8().into_raw(),
        };
        (shape, bytes)
    }
}

/// Decodes PNG or JPEG, by its magic.
fn decoded(bytes: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    reader.decode()
}

/// The names of the classes, and each image with its class.
type Found = (Vec<String>, Vec<(PathBuf, u32)>);

/// The class folders, and every image with its class.
fn files(folder: &Path) -> Result<Found, DataError> {
    let folders: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    if folders.len() < 2 {
        let got = format!("{} of them", folders.len());
        return Err(refuse(
            folder,
            "at least 2 folders, each with the images of a class",
            got,
        ));
    }
    let (mut names, mut files) = (Vec::new(), Vec::new());
    for (class, path) in folders.iter().enumerate() {
        let images: Vec<PathBuf> = entries(path)?
            .into_iter()
            .filter(|path| is_image(path))
            .collect();
        if images.is_empty() {
            return Err(refuse(
                path,
                "images (.png, .jpg, .jpeg)",
                "none".to_owned(),
            ));
        }
        let name = path.file_name().unwrap_or_default();
        names.push(name.to_string_lossy().into_owned());
        files.extend(images.into_iter().map(|path| (path, class as u32)));
    }
    Ok((names, files))
}

/// What lies in a folder and is not hidden, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |source| DataError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["png", "jpg", "jpeg"]
        .iter()
        .any(|known| extension == *known)
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })
}

fn refuse(path: &Path, expected: &str, got: String) -> DataError {
    DataError::Format {
        path: path.to_owned(),
        expected: expected.to_owned(),
        got,
    }
}
