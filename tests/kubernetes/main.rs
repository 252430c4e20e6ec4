//! Kubernetes' components: what the real ones do with arguments and files, and what is foreseen.

mod apiserver;
