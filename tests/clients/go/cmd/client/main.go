// A tour of TaskForge's API with the stock gRPC library: client ADDRESS.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "taskforge.example/client/gen/taskforge/v1"
)

func text(s string) *pb.Payload {
	return &pb.Payload{Data: &pb.Payload_TextData{TextData: s}}
}

// firstCall submits a task, waits for its end, and prints its output.
func firstCall(ctx context.Context, address string) error {
	// [readme]
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	task, err := pb.NewTaskServiceClient(conn).RunTask(ctx, &pb.RunTaskRequest{Task: &pb.Task{
		Handler: "sha256", Priority: pb.Priority_PRIORITY_HIGH,
		Input: &pb.Payload{Data: &pb.Payload_TextData{TextData: "abc"}},
	}})
	if err != nil {
		return err
	}
	fmt.Println(task.GetOutput().GetTextData())
	// [/readme]
	if !strings.HasPrefix(task.GetOutput().GetTextData(), "ba7816bf") {
		return fmt.Errorf("sha256 of abc is not %v", task.GetOutput())
	}
	return conn.Close()
}

// submitAndWatch submits a task and follows it to its end.
func submitAndWatch(ctx context.Context, tasks pb.TaskServiceClient) error {
	submitted, err := tasks.SubmitTask(ctx, &pb.SubmitTaskRequest{
		Task: &pb.Task{Handler: "sleep", Input: text("50ms")}, RequestId: "go-client-1",
	})
	if err != nil {
		return err
	}
	watch, err := tasks.WatchTask(ctx, &pb.WatchTaskRequest{Name: submitted.GetName()})
	if err != nil {
		return err
	}
	for {
		update, err := watch.Recv()
		if err != nil {
			return fmt.Errorf("the task did not end: %w", err)
		}
		fmt.Println("watch:", update.GetTask().GetState())
		if update.GetTask().GetState() == pb.TaskState_TASK_STATE_SUCCEEDED {
			return nil
		}
	}
}

// publishAndSubscribe subscribes by a wildcard, publishes an event, and gets it.
func publishAndSubscribe(ctx context.Context, bus pb.BusServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // Ends the subscription.
	stream, err := bus.Subscribe(ctx, &pb.SubscribeRequest{Filters: []string{"orders.>"}})
	if err != nil {
		return err
	}
	// The first answer says that the subscription is live: from now on nothing is missed.
	if _, err = stream.Recv(); err != nil {
		return err
	}
	published, err := bus.Publish(ctx, &pb.PublishRequest{Events: []*pb.Event{
		{Topic: "orders.17.paid", Data: text("17 €")},
	}})
	if err != nil || published.GetRouted()[0] != 1 {
		return fmt.Errorf("published to %v: %w", published.GetRouted(), err)
	}
	response, err := stream.Recv()
	if err != nil {
		return err
	}
	event := response.GetDeliveries()[0].GetEvent()
	if event.GetTopic() != "orders.17.paid" || event.GetData().GetTextData() != "17 €" {
		return fmt.Errorf("not what was published: %v", event)
	}
	fmt.Println("subscribe:", event.GetTopic(), event.GetData().GetTextData())
	return nil
}

// richError shows that what is wrong comes with the error: the reason, and every field at once.
func richError(ctx context.Context, tasks pb.TaskServiceClient) error {
	_, err := tasks.SubmitTask(ctx, &pb.SubmitTaskRequest{Task: &pb.Task{
		Handler: "Not A Handler", RetryPolicy: &pb.RetryPolicy{MaxAttempts: -1},
	}})
	if status.Code(err) != codes.InvalidArgument {
		return fmt.Errorf("a bad task got %v", err)
	}
	var reason string
	var fields []string
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetDomain() + "/" + detail.GetReason()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
		}
	}
	slices.Sort(fields)
	want := []string{"task.handler", "task.retry_policy.max_attempts"}
	if !strings.HasPrefix(reason, "taskforge/") || !slices.Equal(fields, want) {
		return fmt.Errorf("details: %q %q", reason, fields)
	}
	fmt.Println("error:", reason, fields)
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
	tasks, bus := pb.NewTaskServiceClient(connection), pb.NewBusServiceClient(connection)
	for _, step := range []func() error{
		func() error { return firstCall(ctx, os.Args[1]) },
		func() error { return submitAndWatch(ctx, tasks) },
		func() error { return publishAndSubscribe(ctx, bus) },
		func() error { return richError(ctx, tasks) },
	} {
		if err := step(); err != nil {
			log.Fatal(err)
		}
	}
}
