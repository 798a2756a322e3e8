//! A folder of images, one sub-folder per class, decoded on all cores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::DynamicImage;
use image::imageops::FilterType;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::input;
use crate::output;

use super::class_folders::ClassFolders;
use super::error::DataError;
use super::image_cache::{CacheWriter, ImageCache};
use super::image_caches::{CACHE_END, KEY_LETTERS, MOST_BYTES, make_room};
use super::image_kinds::ImageKinds;
use super::images::{ImageDataset, ImageShape};
use super::left_out::LeftOut;
use super::memory_budget::MemoryBudget;
use super::picture::Picture;

/// Images that are decoded before they are put away.
const TOGETHER: usize = 64;

/// Called with the number of all images for each that is decoded, by any thread.
type OnDecoded<'p> = &'p (dyn Fn(usize) + Sync);

/// The treatment of an image that cannot be read.
///
/// Example: [`LoadedImages`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnBadSample {
    /// End with its error.
    #[default]
    Error,
    /// Leave it out, and name it.
    Skip,
}

/// Settings of reading a folder of images, one sub-folder per class.
///
/// ```
/// use unisono::data::{ImageFolder, OnBadSample};
/// let how = ImageFolder { size: Some((32, 32)), is_grey: true, ..ImageFolder::default() };
/// let error = how.read("no/such/folder".as_ref(), &|_| {}).unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ImageFolder {
    /// Height and width that every image is resized to (bilinear); `None` if all have one size
    /// already.
    pub size: Option<(usize, usize)>,
    /// One channel instead of three.
    pub is_grey: bool,
    /// What to do with an image that cannot be read.
    pub on_bad_sample: OnBadSample,
    /// Where decoded images are kept for the next time; `None` for nowhere.
    pub cache: Option<PathBuf>,
}

/// The images of a folder.
///
/// ```
/// use unisono::data::{ImageFolder, OnBadSample};
/// let folder = std::env::temp_dir().join(format!("unisono-images-{}", std::process::id()));
/// let (cat, dog) = (b"P5 2 1 255\n\x00\xff", b"P5 2 1 255\n\xff\x07");
/// for (name, bytes) in [("cat/0.pgm", &cat[..]), ("cat/1.pgm", b"P5"), ("dog/0.pgm", dog)] {
///     std::fs::create_dir_all(folder.join(name).parent().unwrap())?;
///     std::fs::write(folder.join(name), bytes)?;
/// }
/// let on_bad_sample = OnBadSample::Skip;
/// let how = ImageFolder { is_grey: true, on_bad_sample, ..ImageFolder::default() };
/// let loaded = how.read(&folder, &|_| {})?;
/// assert_eq!((loaded.class_names, loaded.skipped.len()), (vec!["cat".into(), "dog".into()], 1));
/// assert_eq!(*loaded.images.pixels(1)?, [255, 7]);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct LoadedImages {
    /// The images, ordered by class and name.
    pub images: ImageDataset,
    /// The names of the class folders, in order.
    pub class_names: Vec<String>,
    /// Files that were left out, and why.
    pub skipped: Vec<String>,
    /// What the images are.
    pub kinds: ImageKinds,
    /// Images in folders below a class folder: they are of that class.
    pub nested: usize,
    /// Files that are not named as images, hidden ones, and images in no class folder.
    pub left_out: LeftOut,
    /// What was wrong with the cache that there was.
    pub warnings: Vec<String>,
    /// Whether nothing had to be decoded.
    pub is_from_cache: bool,
}

impl ImageFolder {
    /// Reads `folder`, whose folders are the classes (in order of their names), with the images in
    /// folders of theirs: PNG, JPEG, WebP, BMP, GIF (the first picture), TIFF and PNM, told by
    /// their content and turned as their EXIF data say. `progress` is called once for every image
    /// that is decoded, by any thread, with the number of all.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for a folder without two classes or with a class
    /// without images, for an image that cannot be decoded (unless it is to be skipped), or one of
    /// another size.
    pub fn read(&self, folder: &Path, progress: OnDecoded<'_>) -> Result<LoadedImages, DataError> {
        self.found(folder, ClassFolders::read(folder, 2)?, progress)
    }

    /// The same of a part beside others, which may have a single class.
    #[cfg(feature = "files")]
    pub(crate) fn read_part(
        &self,
        folder: &Path,
        progress: OnDecoded<'_>,
    ) -> Result<LoadedImages, DataError> {
        self.found(folder, ClassFolders::read(folder, 1)?, progress)
    }

    fn found(
        &self,
        folder: &Path,
        found: ClassFolders,
        progress: OnDecoded<'_>,
    ) -> Result<LoadedImages, DataError> {
        let ClassFolders {
            class_names,
            files,
            nested,
            left_out,
        } = found;
        let found = |loaded: LoadedImages| LoadedImages {
            nested,
            left_out: left_out.clone(),
            ..loaded
        };
        // A cache that holds the same files is opened instead; else a new one is written.
        let mut warnings = Vec::new();
        let mut kept = Kept::Memory(Vec::new(), Vec::new(), MemoryBudget::new(folder));
        if let Some(cache) = &self.cache {
            let key = self.key(folder, &files)?;
            let path = cache.join(format!("{}{CACHE_END}", &key[..KEY_LETTERS]));
            if cache.is_dir() {
                // Others' files there are no matter of this one's.
                let _ = output::sweep(cache, |name| name.ends_with(CACHE_END));
            }
            if path.exists() {
                match ImageCache::open(&path, &key) {
                    Ok(cache) => return self.known(cache, folder).map(found),
                    Err(error) => warnings.push(format!("{error}; it is made anew")),
                }
            }
            warnings.extend(make_room(&path, MOST_BYTES));
            match CacheWriter::new(&path, &key) {
                Ok(writer) => kept = Kept::File(writer),
                Err(error) => warnings.push(format!("{error}; images are decoded every time")),
            }
        }
        // Decode, into memory or into the cache.
        let Decoded {
            shape,
            skipped,
            kinds,
        } = self.decode(&files, progress, &mut kept)?;
        let cache = match kept {
            Kept::File(writer) => writer.finish(&class_names, &skipped, &kinds)?,
            Kept::Memory(pixels, classes, _) => ImageCache {
                images: ImageDataset::new(pixels, shape, classes, class_names.len())?,
                class_names,
                skipped,
                kinds,
            },
        };
        Ok(found(LoadedImages {
            warnings,
            ..LoadedImages::of(cache, false)
        }))
    }

    /// What a cache holds, unless it holds less than is asked for.
    fn known(&self, cache: ImageCache, folder: &Path) -> Result<LoadedImages, DataError> {
        match (cache.skipped.first(), self.on_bad_sample) {
            (Some(first), OnBadSample::Error) => {
                let expected = "images that can all be read";
                Err(DataError::format(folder, expected, first))
            }
            _ => Ok(LoadedImages::of(cache, true)),
        }
    }

    /// A fingerprint of names and contents of the files, and of how they are read.
    fn key(&self, folder: &Path, files: &[(PathBuf, u32)]) -> Result<String, DataError> {
        let one = |(path, _): &(PathBuf, u32)| -> Result<[u8; 32], DataError> {
            let bytes = match (read(path), self.on_bad_sample) {
                (Ok(bytes), _) => bytes,
                (Err(error), OnBadSample::Skip) => error.to_string().into_bytes(),
                (Err(error), OnBadSample::Error) => return Err(error),
            };
            let name = path.strip_prefix(folder).unwrap_or(path);
            let hash = Sha256::new().chain_update(name.as_os_str().as_encoded_bytes());
            Ok(hash.chain_update([0]).chain_update(bytes).finalize().into())
        };
        let all: Vec<[u8; 32]> = files.par_iter().map(one).collect::<Result<_, _>>()?;
        let how = format!("{:?} {}", self.size, self.is_grey);
        let hash = Sha256::new().chain_update(how).chain_update(all.concat());
        Ok(format!("{:x}", hash.finalize()))
    }

    /// Decodes all of them, [`TOGETHER`] at a time, so that a folder may be larger than memory.
    fn decode(
        &self,
        files: &[(PathBuf, u32)],
        progress: OnDecoded<'_>,
        kept: &mut Kept,
    ) -> Result<Decoded, DataError> {
        let one = |(path, _): &(PathBuf, u32)| {
            let image = self.image(path);
            progress(files.len());
            image
        };
        let mut first: Option<(ImageShape, &Path)> = None;
        let (mut skipped, mut kinds) = (Vec::new(), ImageKinds::default());
        // A part at a time is decoded on all cores, and kept in order.
        for part in files.chunks(TOGETHER) {
            let decoded: Vec<_> = part.par_iter().map(one).collect();
            for (image, (path, class)) in decoded.into_iter().zip(part) {
                let Image {
                    shape,
                    bytes,
                    kinds: kind,
                } = match (image, self.on_bad_sample) {
                    (Ok(image), _) => image,
                    (Err(error), OnBadSample::Skip) => {
                        skipped.push(error.to_string());
                        continue;
                    }
                    (Err(error), OnBadSample::Error) => return Err(error),
                };
                // All must have the size of the first.
                let (expected, like) = first.get_or_insert((shape, path));
                if shape != *expected {
                    let expected = format!(
                        "{} x {} pixels like {}",
                        expected.height,
                        expected.width,
                        like.display()
                    );
                    let got = format!("{} x {}", shape.height, shape.width);
                    let remedy =
                        "name a size that all images are brought to, such as `image_size` 32x32";
                    return Err(DataError::unfit(path, &expected, got, remedy));
                }
                kinds.add(&kind);
                kept.add(shape, &bytes, *class)?;
            }
        }
        let (shape, _) = first.ok_or(DataError::Empty)?;
        Ok(Decoded {
            shape,
            skipped,
            kinds,
        })
    }

    pub(super) fn image(&self, path: &Path) -> Result<Image, DataError> {
        self.decoded(&read(path)?, path)
    }

    /// The image in the bytes of a file; `path` is for messages.
    pub(super) fn decoded(&self, bytes: &[u8], path: &Path) -> Result<Image, DataError> {
        let Picture {
            image,
            format,
            is_turned,
            is_deep,
            is_transparent,
        } = Picture::decode(bytes, path)?;
        let size = (image.height() as usize, image.width() as usize);
        let (shape, bytes) = self.prepared(image);
        let kinds = ImageKinds {
            formats: BTreeMap::from([(format.to_owned(), 1)]),
            turned: usize::from(is_turned),
            deep: usize::from(is_deep),
            transparent: usize::from(is_transparent),
            sizes: Some([size, size]),
        };
        Ok(Image {
            shape,
            bytes,
            kinds,
        })
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
        let bytes = match (self.is_grey, resized) {
            (true, DynamicImage::ImageLuma8(grey)) => grey.into_raw(),
            (true, colour) => colour.into_rgb8().pixels().map(grey).collect(),
            (false, image) => image.into_rgb8().into_raw(),
        };
        (shape, bytes)
    }
}

impl LoadedImages {
    fn of(cache: ImageCache, is_from_cache: bool) -> Self {
        Self {
            images: cache.images,
            class_names: cache.class_names,
            skipped: cache.skipped,
            kinds: cache.kinds,
            nested: 0,
            left_out: LeftOut::default(),
            warnings: Vec::new(),
            is_from_cache,
        }
    }
}

/// An image as it is wanted.
pub(super) struct Image {
    shape: ImageShape,
    pub(super) bytes: Vec<u8>,
    kinds: ImageKinds,
}

/// What came out of decoding.
struct Decoded {
    shape: ImageShape,
    skipped: Vec<String>,
    kinds: ImageKinds,
}

/// Where decoded images go: pixels and classes in memory, or a cache.
enum Kept {
    Memory(Vec<u8>, Vec<u32>, MemoryBudget),
    File(CacheWriter),
}

impl Kept {
    fn add(&mut self, shape: ImageShape, bytes: &[u8], class: u32) -> Result<(), DataError> {
        match self {
            Kept::Memory(pixels, classes, budget) => {
                budget.take(bytes.len() as u64)?;
                pixels.extend(bytes);
                classes.push(class);
                Ok(())
            }
            Kept::File(writer) => writer.add(shape, bytes, class),
        }
    }
}

/// A pixel's grey (ITU-R BT.601).
fn grey(pixel: &image::Rgb<u8>) -> u8 {
    let [red, green, blue] = pixel.0.map(u32::from);
    ((299 * red + 587 * green + 114 * blue + 500) / 1000) as u8
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    input::read(path).map_err(DataError::io(path))
}
