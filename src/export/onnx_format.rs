//! The messages of an ONNX file, as far as they are written here (`onnx/onnx.proto`, IR version 8).

use prost::Message;

/// A whole file.
#[derive(Message)]
pub(super) struct ModelProto {
    #[prost(int64, tag = "1")]
    pub(super) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(super) producer_name: String,
    #[prost(string, tag = "3")]
    pub(super) producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub(super) metadata_props: Vec<Property>,
}

/// A text by name.
#[derive(Message)]
pub(super) struct Property {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

impl Property {
    pub(super) fn new(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }
}

#[derive(Message)]
pub(super) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

#[derive(Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfo>,
}

#[derive(Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<Attribute>,
    /// The operators that it is one of: ONNX's own where it is empty.
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

#[derive(Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, optional, tag = "2")]
    pub(super) f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub(super) i: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) s: Option<Vec<u8>>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(super) ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub(super) strings: Vec<Vec<u8>>,
    /// 1: `f`, 2: `i`, 3: `s`, 7: `ints`, 8: `strings`.
    #[prost(int32, tag = "20")]
    pub(super) kind: i32,
}

impl Attribute {
    fn new(name: &str, kind: i32) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            ..Self::default()
        }
    }

    pub(super) fn float(name: &str, value: f32) -> Self {
        Self {
            f: Some(value),
            ..Self::new(name, 1)
        }
    }

    pub(super) fn int(name: &str, value: i64) -> Self {
        Self {
            i: Some(value),
            ..Self::new(name, 2)
        }
    }

    pub(super) fn text(name: &str, value: &str) -> Self {
        Self {
            s: Some(value.as_bytes().to_vec()),
            ..Self::new(name, 3)
        }
    }

    pub(super) fn ints(name: &str, values: &[usize]) -> Self {
        Self {
            ints: values.iter().map(|&value| value as i64).collect(),
            ..Self::new(name, 7)
        }
    }

    pub(super) fn texts(name: &str, values: &[&str]) -> Self {
        Self {
            strings: values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect(),
            ..Self::new(name, 8)
        }
    }
}

#[derive(Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(super) dims: Vec<i64>,
    /// An [`Element`], or 7: i64.
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    /// Little-endian.
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw_data: Vec<u8>,
}

#[derive(Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) kind: Option<TypeProto>,
}

#[derive(Message)]
pub(super) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor: Option<TensorType>,
}

#[derive(Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(super) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<TensorShape>,
}

#[derive(Message)]
pub(super) struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub(super) dim: Vec<Dimension>,
}

#[derive(Message)]
pub(super) struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub(super) value: Option<i64>,
    /// A size that is only known when the model runs.
    #[prost(string, optional, tag = "2")]
    pub(super) name: Option<String>,
}

/// What a value's elements are, by its number in the format.
#[derive(Clone, Copy)]
pub(super) enum Element {
    Single = 1,
    Byte = 2,
    Text = 8,
    Double = 11,
}

impl ValueInfo {
    /// Rows, as many as one likes, of shape `axes`.
    pub(super) fn rows(name: &str, element: Element, axes: &[usize]) -> Self {
        let any = Dimension {
            value: None,
            name: Some("rows".to_owned()),
        };
        let axes = axes.iter().map(|&axis| Dimension {
            value: Some(axis as i64),
            name: None,
        });
        let shape = TensorShape {
            dim: [any].into_iter().chain(axes).collect(),
        };
        Self {
            name: name.to_owned(),
            kind: Some(TypeProto {
                tensor: Some(TensorType {
                    elem_type: element as i32,
                    shape: Some(shape),
                }),
            }),
        }
    }
}
