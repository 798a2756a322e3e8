//! NumPy's files: read right, and refused when they are not what they say.

use std::path::Path;

use crate::files::Folder;
use crate::mutations::mutations;
use unisono::data::{DataError, Npy, read_npz};

const FIXTURE: &str = "tests/parity/arrays.npz";

/// A file as NumPy writes it.
fn npy(head: &str, values: &[u8]) -> Vec<u8> {
    let head = format!("{head:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((head.len() as u16).to_le_bytes());
    file.extend(head.bytes());
    file.extend(values);
    file
}

#[test]
fn arrays_that_numpy_wrote_are_read_in_every_type_and_order() {
    let arrays = read_npz(Path::new(FIXTURE)).unwrap();
    assert_eq!(arrays.len(), 23);
    for (name, array) in &arrays {
        let values = array.reals();
        match name.as_str() {
            "scalar" => assert_eq!((values.ndim(), values.sum()), (0, 7.5)),
            "bool" => assert_eq!(values.into_raw_vec_and_offset().0, [1.0, 0.0]),
            _ => {
                let expected: Vec<f32> = (0..6).map(|i| i as f32).collect();
                assert_eq!(values.shape(), [2, 3], "{name}");
                assert_eq!(values.into_raw_vec_and_offset().0, expected, "{name}");
            }
        }
    }
    assert!(matches!(arrays["uint8_C"], Npy::Bytes(_)));
    assert!(matches!(arrays["int64_F"], Npy::Integers(_)));
    assert!(matches!(arrays["float64_C"], Npy::Doubles(_)));
}

#[test]
fn heads_that_lie_are_refused_before_memory_is_taken() {
    let head = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
    };
    let parse = |bytes: &[u8]| Npy::parse(bytes, "a.npy".as_ref());
    assert_eq!(
        parse(&npy(&head("<f4", "(1,)"), &[0, 0, 128, 63]))
            .unwrap()
            .reals()[0],
        1.0
    );
    let deep = "(".repeat(100);
    let cases = [
        (vec![], "a NumPy array"),
        (b"\x93NUMPY\x09\x00aa".to_vec(), "a version of 1 to 3"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "and a head"),
        (
            npy(&head("<f4", "(3,)"), &[0; 8]),
            "values of shape [3], type <f4, got 8 bytes",
        ),
        (
            npy(&head("<f4", "(4294967296, 4294967296)"), &[0; 8]),
            "got 8 bytes",
        ),
        (
            npy(&head("<f8", "(1152921504606846976,)"), &[]),
            "got 0 bytes",
        ),
        (npy(&head("<c8", "(1,)"), &[0; 8]), "float64"),
        (
            npy(&head("<c16", "(1,)"), &[0; 16]),
            "got <c16; save real ones, such as np.abs(x), or np.stack([x.real, x.imag], -1); they are complex numbers",
        ),
        (
            npy(&head("<f16", "(1,)"), &[0; 16]),
            "got <f16; save it in double precision: x.astype(\"float64\"); they are long doubles",
        ),
        (npy(&head("<M8[ns]", "(1,)"), &[0; 8]), "they are dates"),
        (npy(&head("<U2", "(1,)"), &[0; 8]), "they are texts"),
        (
            npy(
                "{'descr': [('a', '<f4'), ('b', '<i8')], 'fortran_order': False, 'shape': (1,), }",
                &[0; 12],
            ),
            "got [('a', '<f4'), ('b', '<i8')]; save each field as an array of its own",
        ),
        (npy(&head("|O", "(1,)"), &[0; 8]), "got |O; save it as"),
        (npy(&head("<f4", "(-1,)"), &[]), "a head with descr"),
        (npy(&head("<f4", &deep), &[]), "a head with descr"),
        (npy("nothing", &[]), "a head with descr"),
    ];
    for (bytes, message) in cases {
        let error = parse(&bytes).unwrap_err().to_string();
        assert!(
            error.contains(message) && error.contains("a.npy"),
            "{error}"
        );
    }
}

#[test]
fn mutated_arrays_and_archives_never_panic() {
    let good = npy(
        "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }",
        &[1; 12],
    );
    for odd in mutations(&good, 20_000) {
        let _ = Npy::parse(&odd, "odd.npy".as_ref());
    }
    let folder = Folder::new("npz");
    let good = std::fs::read(FIXTURE).unwrap();
    for odd in mutations(&good, 1_000) {
        let _ = read_npz(&folder.file("odd.npz", &odd));
    }
    let text = folder.file("text.npz", b"no archive");
    assert!(matches!(read_npz(&text), Err(DataError::Format { .. })));
}

#[test]
fn integers_of_64_bits_are_kept_to_their_last_digit() {
    let head =
        |descr: &str| format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}");
    let values = [u64::MAX, (1 << 53) + 1];
    for (descr, bytes) in [
        ("<u8", values.map(u64::to_le_bytes).concat()),
        (">u8", values.map(u64::to_be_bytes).concat()),
    ] {
        let array = Npy::parse(&npy(&head(descr), &bytes), "a.npy".as_ref()).unwrap();
        let Npy::Unsigned(found) = array else {
            panic!("{descr}: {array:?}")
        };
        assert_eq!(found.into_raw_vec_and_offset().0, values);
    }
    let bytes = [1, i64::MIN].map(i64::to_le_bytes).concat();
    let array = Npy::parse(&npy(&head("<i8"), &bytes), "a.npy".as_ref()).unwrap();
    let Npy::Integers(found) = array else {
        panic!("{array:?}")
    };
    assert_eq!(found.into_raw_vec_and_offset().0, [1, i64::MIN]);
}
