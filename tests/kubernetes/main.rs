//! What Kubernetes' components accept, compared with the components themselves, which `tests/kubernetes/build`
//! builds and `tests/kubernetes/record` asks.

mod apiserver;
mod arguments;
mod files;
mod kernel;
mod tables;
