// Command cloud-controller-manager describes the one of k8s.io/cloud-provider, which each cloud builds upon.
package main

import (
	"reflect"

	"github.com/spf13/cobra"
	"k8s.io/cloud-provider/app"
	"k8s.io/cloud-provider/options"
	"preflight-rke2/kubernetes/internal/description"
)

func main() {
	defaults, err := options.NewCloudControllerManagerOptions()
	if err != nil {
		panic(err)
	}
	// Its parameters differ between minors: those that decide which flags it has are of the types below.
	constructor := reflect.ValueOf(app.NewCloudControllerManagerCommand)
	arguments := []reflect.Value{}
	for i := 0; i < constructor.Type().NumIn(); i++ {
		parameter := constructor.Type().In(i)
		switch parameter {
		case reflect.TypeOf(defaults):
			arguments = append(arguments, reflect.ValueOf(defaults))
		case reflect.TypeOf(app.DefaultInitFuncConstructors):
			arguments = append(arguments, reflect.ValueOf(app.DefaultInitFuncConstructors))
		default:
			arguments = append(arguments, reflect.Zero(parameter))
		}
	}
	description.Command(constructor.Call(arguments)[0].Interface().(*cobra.Command))
}
