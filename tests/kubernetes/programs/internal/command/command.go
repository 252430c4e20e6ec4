// Package command calls the constructors of Kubernetes' commands, whose parameters differ between minors.
package command

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// Run runs the command that the constructor makes, and exits with its status.
func Run(constructor any) {
	var command *cobra.Command
	switch construct := constructor.(type) {
	case func() *cobra.Command:
		command = construct()
	case func(context.Context) *cobra.Command:
		// The kubelet, which handles signals itself: a second handler in one process panics.
		command = construct(context.Background())
	case func(<-chan struct{}) *cobra.Command:
		command = construct(genericapiserver.SetupSignalHandler())
	default:
		panic("this minor's constructor has other parameters")
	}
	os.Exit(cli.Run(command))
}
