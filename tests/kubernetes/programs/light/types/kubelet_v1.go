//go:build kubernetes1.26

package main

import kubeletv1 "k8s.io/kubelet/config/v1"

func init() {
	register["kubelet"] = append(register["kubelet"], kubeletv1.AddToScheme)
}
