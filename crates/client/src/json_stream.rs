//! An answer that is a sequence of JSON documents, sent as they come up: progress and events.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};
use corten_wire::go_json;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{Error, RawStream};

/// JSON documents of one type, one after the other, whatever white space is between them.
pub struct JsonStream<T> {
    source: RawStream,
    pending: BytesMut,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JsonStream<T> {
    pub(crate) fn new(source: RawStream) -> Self {
        Self {
            source,
            pending: BytesMut::new(),
            item: PhantomData,
        }
    }

    /// The next document; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks, or what came is not JSON or not a `T`.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(item) = take(&mut self.pending)? {
                return Ok(Some(item));
            }
            match self.source.next().await? {
                Some(data) => self.pending.extend_from_slice(&data),
                None if self.pending.trim_ascii().is_empty() => return Ok(None),
                None => return Err(Error::Protocol("the stream ends within a document".to_owned())),
            }
        }
    }
}

/// Takes the first document out of `pending` once it is complete.
fn take<T: DeserializeOwned>(pending: &mut BytesMut) -> Result<Option<T>, Error> {
    let mut documents = serde_json::Deserializer::from_slice(pending).into_iter::<&RawValue>();
    match documents.next() {
        None => Ok(None),
        Some(Err(error)) if error.is_eof() => Ok(None),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(document)) => {
            let item = go_json::from_slice(document.get().as_bytes())?;
            let used = documents.byte_offset();
            pending.advance(used);
            Ok(Some(item))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corten_wire::ProgressMessage;

    #[test]
    fn takes_complete_documents_only() {
        let text = b"{\"status\":\"a\"}\r\n{\"status\":\"b\"}{\"sta";
        let mut pending = BytesMut::from(&text[..]);
        let mut seen = Vec::new();
        while let Some(message) = take::<ProgressMessage>(&mut pending).unwrap() {
            seen.push(message.status);
        }
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(&pending[..], b"{\"sta");
        pending.extend_from_slice(b"tus\":\"c\"}");
        assert_eq!(
            take::<ProgressMessage>(&mut pending).unwrap().unwrap().status,
            "c"
        );
        let mut broken = BytesMut::from(&b"oops"[..]);
        assert!(take::<ProgressMessage>(&mut broken).is_err());
    }
}
