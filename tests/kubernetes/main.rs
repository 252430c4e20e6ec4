//! What Kubernetes' components accept, compared with the components themselves.

mod apiserver;
mod files;
mod tables;
