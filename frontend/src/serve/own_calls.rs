//! The connection to buildkitd for builds of our own, shared by all.

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};
use tower_service::Service;

use crate::buildkit::endpoint::{Connector, EndpointError, Io};
use crate::buildkit::internal_build;

/// Connects when first used, and again when the connection broke.
pub fn channel(connector: Connector) -> Channel {
    let endpoint = internal_build::endpoint(Endpoint::from_static("http://localhost"));
    endpoint.connect_with_connector_lazy(Connect(connector))
}

#[derive(Clone)]
struct Connect(Connector);

impl Service<Uri> for Connect {
    type Response = TokioIo<Io>;
    type Error = EndpointError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<TokioIo<Io>, EndpointError>> + Send>>;

    fn poll_ready(
        &mut self,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), EndpointError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _address: Uri) -> Self::Future {
        let connector = self.0.clone();
        Box::pin(async move { Ok(TokioIo::new(connector.connect().await?)) })
    }
}
