//! What Kubernetes' components accept, compared with the components themselves.

mod kernel;
