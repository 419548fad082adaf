//! A byte stream inside a gRPC stream: `Control.Session` carries one in `BytesMessage`s.

use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

/// The near end of the tunnel whose messages come from `incoming` and leave through `outgoing`.
///
/// The far end's end is end of file here; dropping the near end ends `outgoing`. `ended` is told how
/// `incoming` ended.
pub(crate) fn tunnel<S>(
    incoming: S,
    outgoing: mpsc::Sender<BytesMessage>,
    ended: impl FnOnce(Result<(), Status>) + Send + 'static,
) -> DuplexStream
where
    S: Stream<Item = Result<BytesMessage, Status>> + Send + Unpin + 'static,
{
    let (near, far) = tokio::io::duplex(256 << 10);
    let (mut reader, mut writer) = tokio::io::split(far);
    tokio::spawn(async move {
        let mut buffer = vec![0; 32 << 10];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            let message = BytesMessage { data: buffer[..length].to_vec() };
            if outgoing.send(message).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        let mut incoming = incoming;
        let outcome = loop {
            match incoming.next().await {
                Some(Ok(message)) => {
                    if writer.write_all(&message.data).await.is_err() {
                        break Ok(());
                    }
                }
                Some(Err(status)) => break Err(status),
                None => break Ok(()),
            }
        };
        let _ = writer.shutdown().await;
        ended(outcome);
    });
    near
}
