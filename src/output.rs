//! Files that are written: the only place that makes or replaces one.
//!
//! | what lies at the path | what is done |
//! |---|---|
//! | nothing | a new file appears with all that was written, or none does; its mode follows the umask |
//! | a plain file | it is replaced at once or not at all, and keeps its mode |
//! | a symbolic link | what it leads to is written, the link stays; one that leads to nothing gets its file |
//! | a device, a FIFO, a socket | it is written through |
//! | `/dev/stdout`, `/dev/fd/N`, `/proc/self/fd/N` | what is open there is written through, at its end |
//! | `-` | stdout |
//!
//! # Why this way
//! A rename puts a plain file in the place of whatever has the name: of a device node, of a FIFO
//! somebody waits at, of a link.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

use crate::sys::files;

/// Links that are followed, as the kernel has it.
const MOST_LINKS: usize = 40;

/// A file in the making.
#[derive(Debug)]
pub(crate) struct OutputFile(Kind);

#[derive(Debug)]
enum Kind {
    /// Takes the name's place once it is whole.
    Replaced(AtomicWriteFile),
    /// What was there already.
    Through(File),
    Socket(files::Socket),
    Stdout(io::Stdout),
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A plain file or nothing, by its own name.
    Plain(PathBuf),
    /// Something to be written through.
    Special(PathBuf),
    Socket(PathBuf),
    /// A file that some process has open.
    Open(PathBuf),
    Stdout,
}

impl OutputFile {
    /// Begins to write at `path`. A plain file is not changed before [`OutputFile::commit`].
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self(match place(path)? {
            Place::Plain(path) => Kind::Replaced(AtomicWriteFile::open(path)?),
            Place::Special(path) => Kind::Through(File::options().write(true).open(path)?),
            Place::Socket(path) => Kind::Socket(files::connect(&path)?),
            Place::Open(path) => {
                let mut file = File::options().write(true).open(path)?;
                // What a shell has opened for several programs is added to; a pipe has no end to go
                // to.
                let _ = file.seek(SeekFrom::End(0));
                Kind::Through(file)
            }
            Place::Stdout => Kind::Stdout(io::stdout()),
        }))
    }

    /// Ends the file: all that was written is on the disk, under its name.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.flush()?;
        match self.0 {
            Kind::Replaced(file) => file.commit(),
            _ => Ok(()),
        }
    }

    fn inner(&mut self) -> &mut dyn Write {
        match &mut self.0 {
            Kind::Replaced(file) => file,
            Kind::Through(file) => file,
            Kind::Socket(socket) => socket,
            Kind::Stdout(stdout) => stdout,
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = OutputFile::begin(path)?;
    file.write_all(bytes.as_ref())?;
    file.commit()
}

/// A file of the crate's own that grows line by line; what is in it stays.
#[cfg(any(feature = "run", feature = "study"))]
pub(crate) fn grow(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// Whether what is written there comes out at stdout.
#[cfg(any(feature = "cli", test))]
pub(crate) fn is_stdout(path: &Path) -> bool {
    matches!(place(path), Ok(Place::Stdout))
}

/// The plain file that would be replaced, if there is one.
#[cfg(any(feature = "cli", test))]
pub(crate) fn replaced(path: &Path) -> io::Result<Option<PathBuf>> {
    Ok(match place(path)? {
        Place::Plain(path) if path.exists() => Some(path),
        _ => None,
    })
}

/// Follows links to what is written.
fn place(path: &Path) -> io::Result<Place> {
    if path.as_os_str() == "-" {
        return Ok(Place::Stdout);
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Some(descriptor) = descriptor(&path) {
            return Ok(match descriptor {
                Descriptor::Stdout => Place::Stdout,
                Descriptor::Other => Place::Open(path),
            });
        }
        let kind = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Plain(path)),
            Err(error) => return Err(error),
        };
        if !kind.is_symlink() {
            return special(path, kind);
        }
        let target = fs::read_link(&path)?;
        // A relative link begins in its own folder.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "too many symbolic links",
    ))
}

fn special(path: PathBuf, kind: fs::FileType) -> io::Result<Place> {
    if kind.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if files::is_socket(kind) {
        return Ok(Place::Socket(path));
    }
    Ok(match kind.is_file() {
        true => Place::Plain(path),
        false => Place::Special(path),
    })
}

/// A file that a process has open.
enum Descriptor {
    /// This process's stdout.
    Stdout,
    Other,
}

/// What `path` names among open files, if it names one: a link there says where the file was
/// opened, not what it is.
fn descriptor(path: &Path) -> Option<Descriptor> {
    let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = fs::canonicalize(path.parent()?).ok()?;
    let own = format!("/proc/{}", std::process::id());
    let is_own = folder == Path::new("/dev/fd") || folder.starts_with(own);
    let is_open = is_own || folder.starts_with("/proc");
    match (folder.ends_with("fd") && is_open, is_own && number == 1) {
        (false, _) => None,
        (true, true) => Some(Descriptor::Stdout),
        (true, false) => Some(Descriptor::Other),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

    /// A folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("unisono-output-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("the temporary folder can be written");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_plain_file_appears_whole_and_keeps_its_mode() {
        let folder = Folder::new("plain");
        let path = folder.0.join("a");
        let mut file = OutputFile::begin(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!path.exists());
        file.commit().unwrap();
        let beside = folder.0.join("beside");
        fs::write(&beside, "by the umask").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode();
        assert_eq!(mode(&path), mode(&beside));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mut file = OutputFile::begin(&path).unwrap();
        file.write_all(b"other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, "two").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path) & 0o777),
            (b"two".to_vec(), 0o640)
        );
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_written() {
        let folder = Folder::new("links");
        let at = |name: &str| folder.0.join(name);
        fs::create_dir(at("below")).unwrap();
        fs::write(at("below/target"), "old").unwrap();
        fs::set_permissions(at("below/target"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("below/target", at("relative")).unwrap();
        symlink(at("relative"), at("twice")).unwrap();
        symlink("below/new", at("dangling")).unwrap();
        symlink("round", at("round")).unwrap();
        for name in ["relative", "twice"] {
            write(&at(name), name).unwrap();
            assert_eq!(fs::read_to_string(at("below/target")).unwrap(), name);
        }
        write(&at("dangling"), "new").unwrap();
        assert_eq!(fs::read_to_string(at("below/new")).unwrap(), "new");
        for name in ["relative", "twice", "dangling"] {
            assert!(fs::symlink_metadata(at(name)).unwrap().is_symlink());
        }
        let mode = fs::metadata(at("below/target")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write(&at("round"), "").is_err());
        assert!(write(&at("below"), "").is_err());
    }

    #[test]
    fn a_fifo_a_socket_and_a_device_are_written_through() {
        let folder = Folder::new("special");
        let fifo = folder.0.join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::read_to_string(fifo).unwrap()
        });
        write(&fifo, "through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());

        let path = folder.0.join("socket");
        let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let (mut stream, _) = socket.accept().unwrap();
            stream.read_to_string(&mut text).unwrap();
            text
        });
        write(&path, "through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());

        let null = Path::new("/dev/null");
        let before = fs::metadata(null).unwrap();
        write(null, "nowhere").unwrap();
        let after = fs::metadata(null).unwrap();
        assert!(after.file_type().is_char_device() && before.ino() == after.ino());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_open_is_added_to_and_stdout_is_known_by_all_its_names() {
        use std::os::fd::AsRawFd;
        let folder = Folder::new("open");
        let path = folder.0.join("a");
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(b"first ").unwrap();
        let name = format!("/dev/fd/{}", file.as_raw_fd());
        let link = folder.0.join("link");
        symlink(&name, &link).unwrap();
        write(Path::new(&name), "second ").unwrap();
        write(&link, "third").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first second third");
        for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert!(is_stdout(Path::new(name)), "{name}");
        }
        assert!(!is_stdout(Path::new("/dev/stderr")) && !is_stdout(&path));
        assert_eq!(replaced(&path).unwrap(), Some(path.clone()));
        assert_eq!(replaced(Path::new("/dev/null")).unwrap(), None);
        assert!(replaced(&folder.0).is_err());
    }
}
