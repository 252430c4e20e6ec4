//! What Kubernetes' components accept, compared with the components themselves.

mod apiserver;
mod arguments;
mod files;
mod tables;
