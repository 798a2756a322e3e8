//! Files of every kind that are written, folders, and what killed processes leave behind.

use super::*;
use std::fs::File;
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

#[test]
fn one_place_is_found_under_each_of_its_names() {
    let folder = Folder::new("one-place");
    let at = |name: &str| folder.0.join(name);
    fs::write(at("there"), "old").unwrap();
    symlink("there", at("link")).unwrap();
    symlink("to-be", at("dangling")).unwrap();
    let same = [
        (at("there"), at("there")),
        (at("there"), at("./there")),
        (at("link"), at("there")),
        (at("dangling"), at("to-be")),
        ("-".into(), "/dev/stdout".into()),
    ];
    for (one, other) in same {
        assert!(is_one_place(&one, &other), "{one:?} and {other:?}");
        assert!(is_one_place(&other, &one), "{other:?} and {one:?}");
    }
    for other in [at("other"), at("dangling"), "-".into()] {
        assert!(!is_one_place(&at("there"), &other), "{other:?}");
    }
}

#[test]
fn what_a_process_that_is_gone_has_begun_is_swept_and_nothing_else() {
    let folder = Folder::new("sweep");
    let at = |name: &str| folder.0.join(name);
    let mut at_work = OutputFile::begin(&at("model")).unwrap();
    at_work.write_all(b"not yet").unwrap();
    for name in [
        ".model.1-0.tmp",
        ".other.1-0.tmp",
        ".model.tmp",
        ".model.1-x.tmp",
        "model.1-0.tmp",
    ] {
        fs::write(at(name), "left").unwrap();
    }
    sweep(&folder.0, |name| name == "model").unwrap();
    let mut left: Vec<String> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with(&format!(".model.{}-", std::process::id())))
        .collect();
    left.sort();
    let others = [
        ".model.1-x.tmp",
        ".model.tmp",
        ".other.1-0.tmp",
        "model.1-0.tmp",
    ];
    assert_eq!(left, others);
    at_work.commit().unwrap();
    assert_eq!(fs::read(at("model")).unwrap(), b"not yet");
}

#[test]
fn folders_are_made_with_those_above_and_a_file_that_is_gone_is_removed() {
    let folder = Folder::new("folders");
    let below = folder.0.join("a/b/c");
    make_folder(&below).unwrap();
    make_folder(&below).unwrap();
    assert!(below.is_dir());
    write(&below.join("file"), "").unwrap();
    assert!(make_folder(&below.join("file/d")).is_err());
    remove(&below.join("file")).unwrap();
    remove(&below.join("file")).unwrap();
    assert!(!below.join("file").exists());
}
