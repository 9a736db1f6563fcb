// Stock reflection clients against the server: reflect ADDRESS. Nothing here is generated from our
// .proto files: what a call looks like comes from the server itself, once by grpc.reflection.v1 and
// once by v1alpha.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/jhump/protoreflect/v2/grpcreflect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const service, method = "taskforge.v1.TaskService", "RunTask"

// listed fails unless the server lists its services.
func listed(client *grpcreflect.Client) error {
	services, err := client.ListServices()
	if err != nil {
		return err
	}
	for _, want := range []protoreflect.FullName{
		service, "taskforge.v1.BusService", "taskforge.v1.HandlerService",
		"taskforge.v1.WorkerService", "taskforge.v1.PoolService", "taskforge.v1.QueueService",
		"taskforge.v1.ScheduleService", "taskforge.v1.ServerService",
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
		"grpc.reflection.v1alpha.ServerReflection",
	} {
		if !slices.Contains(services, want) {
			return fmt.Errorf("%s is not among %v", want, services)
		}
	}
	return nil
}

// describe asks what a method takes and returns.
func describe(client *grpcreflect.Client) (protoreflect.MethodDescriptor, error) {
	file, err := client.FileContainingSymbol(service)
	if err != nil {
		return nil, err
	}
	found := file.Services().ByName("TaskService").Methods().ByName(method)
	if found == nil {
		return nil, fmt.Errorf("%s has no method %s", file.Path(), method)
	}
	input := found.Input().Fields().ByName("task")
	if input == nil || input.Message().FullName() != "taskforge.v1.Task" ||
		found.Output().FullName() != "taskforge.v1.Task" || found.IsStreamingServer() {
		return nil, fmt.Errorf("%s is not described as it is: %v", method, found)
	}
	if _, err := client.FileContainingSymbol("no.such.Symbol"); !grpcreflect.IsElementNotFoundError(err) {
		return nil, fmt.Errorf("a symbol that is none got %v", err)
	}
	return found, nil
}

// call calls the method by its description alone.
func call(ctx context.Context, connection *grpc.ClientConn, method protoreflect.MethodDescriptor) error {
	request := dynamicpb.NewMessage(method.Input())
	response := dynamicpb.NewMessage(method.Output())
	text := `{"task": {"handler": "echo", "input": {"text_data": "by reflection"}}}`
	if err := protojson.Unmarshal([]byte(text), request); err != nil {
		return err
	}
	path := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	if err := connection.Invoke(ctx, path, request, response); err != nil {
		return err
	}
	output := response.Get(method.Output().Fields().ByName("output")).Message()
	got := output.Get(output.Descriptor().Fields().ByName("text_data")).String()
	if got != "by reflection" {
		return fmt.Errorf("echo answered %q", got)
	}
	return nil
}

func main() {
	connection, err := grpc.NewClient(os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for version, client := range map[string]*grpcreflect.Client{
		"v1":      grpcreflect.NewClientV1(ctx, reflectionv1.NewServerReflectionClient(connection)),
		"v1alpha": grpcreflect.NewClientV1Alpha(ctx, reflectionv1alpha.NewServerReflectionClient(connection)),
	} {
		if err := listed(client); err != nil {
			log.Fatalf("%s: %v", version, err)
		}
		described, err := describe(client)
		if err != nil {
			log.Fatalf("%s: %v", version, err)
		}
		if err := call(ctx, connection, described); err != nil {
			log.Fatalf("%s: %v", version, err)
		}
		fmt.Println("reflection:", version, "lists, describes and calls", described.FullName())
		client.Reset()
	}
}
