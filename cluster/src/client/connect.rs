//! Connections, as `kube` makes them but for one thing: names are looked up by the host's `getent`.
//!
//! The program is static, so that it runs with any C library. The resolver of a static glibc loads the plug-ins that
//! `nsswitch.conf` names (`myhostname`, `resolve`, `mdns4`), and with them the C library of the host. Where that is another
//! version, the process crashes. `getent` belongs to the host's library, and finds whatever other programs find.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use percent_encoding::percent_decode_str;
use tower::{Service, ServiceBuilder};

/// A client for the cluster of `config`, through its proxy if it has one. Connects only when it is asked. Its requests have
/// no time limit of their own.
pub(super) fn client(config: &Config) -> Result<Client, kube::Error> {
    let mut http = HttpConnector::new_with_resolver(Names);
    http.enforce_http(false);
    let Some(proxy) = config.proxy_url.clone() else {
        return over(config, http);
    };
    match proxy.scheme_str() {
        Some("socks5") => over(config, SocksV5::new(proxy, http)),
        Some("http") => over(config, tunnel(proxy, http)),
        Some("https") => {
            let https = config.rustls_https_connector_with_connector(http)?;
            over(config, tunnel(proxy, https))
        }
        _ => Err(kube::Error::ProxyProtocolUnsupported {
            proxy_url: Box::new(proxy),
        }),
    }
}

/// A client over `connector`: TLS, the address of the cluster, the user.
fn over<C>(config: &Config, connector: C) -> Result<Client, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let https = config.rustls_https_connector_with_connector(connector)?;
    let http: hyper_util::client::legacy::Client<_, Body> =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}

/// A tunnel of a proxy, as the user that its URL names.
fn tunnel<C>(proxy: Uri, connector: C) -> Tunnel<C> {
    let user = credentials(&proxy);
    let tunnel = Tunnel::new(proxy, connector);
    match user {
        Some(user) => tunnel.with_auth(user),
        None => tunnel,
    }
}

/// The user and password of a URL, for `Proxy-Authorization`.
fn credentials(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user: Vec<u8> = percent_decode_str(user).collect();
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user))).ok()
}

/// Names as the host knows them.
#[derive(Clone)]
struct Names;

type Addresses = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for Names {
    type Response = Addresses;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Addresses>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(addresses(name))
    }
}

/// Asks `getent` for the addresses of a name, in the order in which to try them. The port is the connector's business.
async fn addresses(name: Name) -> io::Result<Addresses> {
    let name = name.as_str();
    let unknown = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("no address of {name} is known"),
        )
    };
    // It would be an option, and no name of a host begins like that.
    if name.starts_with('-') {
        return Err(unknown());
    }
    let output = tokio::process::Command::new("getent")
        .args(["ahosts", name])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| {
            let why = format!("{name} cannot be looked up, because getent cannot be run: {error}");
            io::Error::new(error.kind(), why)
        })?;
    let found = parse(&String::from_utf8_lossy(&output.stdout));
    if found.is_empty() {
        return Err(unknown());
    }
    Ok(found.into_iter())
}

/// The addresses of `getent ahosts`: each is listed for each type of socket.
fn parse(text: &str) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for line in text.lines() {
        let first = line.split_whitespace().next();
        let address: Option<IpAddr> = first.and_then(|word| word.parse().ok());
        if let Some(address) = address.map(|address| SocketAddr::new(address, 0))
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_tried_once() {
        let text = "2001:db8::1     STREAM api.example\n2001:db8::1     DGRAM  \n2001:db8::1     RAW    \n\
                    192.0.2.7       STREAM \n192.0.2.7       DGRAM  \nfe80::1%eth0    STREAM \n";
        let found: Vec<String> = parse(text).iter().map(|one| one.ip().to_string()).collect();
        assert_eq!(found, ["2001:db8::1", "192.0.2.7"]);
        assert!(parse("").is_empty());
    }

    #[test]
    fn a_proxy_has_a_user_of_any_characters() {
        let of = |url: &str| credentials(&url.parse().unwrap());
        let expected = HeaderValue::from_static("Basic YTpiQGM6ZA==");
        assert_eq!(of("http://a:b%40c%3Ad@proxy:3128"), Some(expected));
        assert_eq!(of("http://proxy:3128"), None);
    }
}
