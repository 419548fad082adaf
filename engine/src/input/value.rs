//! The input as a `regorus::Value`, straight from the types, without JSON text in between.

use std::collections::BTreeMap;
use std::fmt;

use regorus::Value;
use serde::ser::{self, Serialize};

use super::{Input, Signature};

/// Converts an input. Types that have no JSON form do not occur in it.
pub(super) fn to_value(input: &Input) -> Value {
    // Nothing in an input can fail to convert: keys are strings, and there are no floats. Should a
    // future field break that, the policy sees nothing and its rules hold on nothing.
    input.serialize(ToValue).unwrap_or(Value::Undefined)
}

/// Converts signatures, as they stand in an input.
pub(super) fn signatures(signatures: &[Signature]) -> Value {
    signatures.serialize(ToValue).unwrap_or(Value::Undefined)
}

/// Serializes into a [`Value`].
struct ToValue;

/// What the serializer was not made for.
#[derive(Debug)]
struct Unsupported(String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

impl ser::Error for Unsupported {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn unsupported<T>(what: &str) -> Result<T, Unsupported> {
    Err(Unsupported(format!("{what} is not part of the input's model")))
}

impl ser::Serializer for ToValue {
    type Ok = Value;
    type Error = Unsupported;
    type SerializeSeq = Items;
    type SerializeTuple = ser::Impossible<Value, Unsupported>;
    type SerializeTupleStruct = ser::Impossible<Value, Unsupported>;
    type SerializeTupleVariant = ser::Impossible<Value, Unsupported>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = ser::Impossible<Value, Unsupported>;

    fn serialize_bool(self, v: bool) -> Result<Value, Unsupported> {
        Ok(Value::Bool(v))
    }
    fn serialize_i8(self, v: i8) -> Result<Value, Unsupported> {
        Ok(i64::from(v).into())
    }
    fn serialize_i16(self, v: i16) -> Result<Value, Unsupported> {
        Ok(i64::from(v).into())
    }
    fn serialize_i32(self, v: i32) -> Result<Value, Unsupported> {
        Ok(i64::from(v).into())
    }
    fn serialize_i64(self, v: i64) -> Result<Value, Unsupported> {
        Ok(v.into())
    }
    fn serialize_u8(self, v: u8) -> Result<Value, Unsupported> {
        Ok(u64::from(v).into())
    }
    fn serialize_u16(self, v: u16) -> Result<Value, Unsupported> {
        Ok(u64::from(v).into())
    }
    fn serialize_u32(self, v: u32) -> Result<Value, Unsupported> {
        Ok(u64::from(v).into())
    }
    fn serialize_u64(self, v: u64) -> Result<Value, Unsupported> {
        Ok(v.into())
    }
    fn serialize_f32(self, _: f32) -> Result<Value, Unsupported> {
        unsupported("a float")
    }
    fn serialize_f64(self, _: f64) -> Result<Value, Unsupported> {
        unsupported("a float")
    }
    fn serialize_char(self, v: char) -> Result<Value, Unsupported> {
        Ok(v.to_string().into())
    }
    fn serialize_str(self, v: &str) -> Result<Value, Unsupported> {
        Ok(v.into())
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Unsupported> {
        unsupported("a byte string")
    }
    fn serialize_none(self) -> Result<Value, Unsupported> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unsupported> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, Unsupported> {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Unsupported> {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Unsupported> {
        Ok(variant.into())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Unsupported> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Unsupported> {
        unsupported("an enum with data")
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Items, Unsupported> {
        Ok(Items(Vec::with_capacity(len.unwrap_or_default())))
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unsupported> {
        unsupported("a tuple")
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unsupported> {
        unsupported("a tuple")
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unsupported> {
        unsupported("an enum with data")
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Unsupported> {
        Ok(Fields::default())
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Unsupported> {
        Ok(Fields::default())
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unsupported> {
        unsupported("an enum with data")
    }
}

/// An array being built.
struct Items(Vec<Value>);

impl ser::SerializeSeq for Items {
    type Ok = Value;
    type Error = Unsupported;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        self.0.push(value.serialize(ToValue)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Unsupported> {
        Ok(self.0.into())
    }
}

/// An object being built.
#[derive(Default)]
struct Fields {
    fields: BTreeMap<Value, Value>,
    key: Option<Value>,
}

impl ser::SerializeMap for Fields {
    type Ok = Value;
    type Error = Unsupported;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unsupported> {
        self.key = Some(key.serialize(ToValue)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        let value = value.serialize(ToValue)?;
        match self.key.take() {
            Some(key) => self.fields.insert(key, value),
            None => return unsupported("a value without a key"),
        };
        Ok(())
    }

    fn end(self) -> Result<Value, Unsupported> {
        Ok(self.fields.into())
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = Unsupported;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        self.fields.insert(key.into(), value.serialize(ToValue)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Unsupported> {
        Ok(self.fields.into())
    }
}
