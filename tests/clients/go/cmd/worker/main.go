// A worker with the handler `reverse`: worker ADDRESS. It connects again when the connection is lost.
package main

import (
	"context"
	"log"
	"maps"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	pb "taskforge.example/client/gen/taskforge/v1"
)

const credit = 64 // Assignments at once.

type handler func(context.Context, *pb.Task) (string, error)

var handlers = map[string]handler{
	"reverse": func(_ context.Context, task *pb.Task) (string, error) {
		runes := []rune(task.GetInput().GetTextData())
		slices.Reverse(runes)
		return string(runes), nil
	},
}

// work runs one assignment. Its result carries the fence that it came with: after a lost lease
// the server refuses it, because the task runs elsewhere by then.
func work(ctx context.Context, assignment *pb.Assignment) *pb.WorkRequest {
	result := &pb.AssignmentResult{Fence: assignment.GetFence()}
	output, err := handlers[assignment.GetTask().GetHandler()](ctx, assignment.GetTask())
	if err != nil {
		result.Result = &pb.AssignmentResult_Error{Error: &pb.TaskError{
			Code: int32(codes.Unknown), Reason: "EXCEPTION", Message: err.Error(), Retryable: true,
		}}
	} else {
		payload := &pb.Payload{Data: &pb.Payload_TextData{TextData: output}}
		result.Result = &pb.AssignmentResult_Output{Output: payload}
	}
	return &pb.WorkRequest{Results: []*pb.AssignmentResult{result}, Credit: 1}
}

// serve serves over one connection until it ends.
func serve(workers pb.WorkerServiceClient) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := workers.Work(ctx)
	if err != nil {
		return err
	}
	hello := &pb.WorkerHello{Handlers: slices.Collect(maps.Keys(handlers))}
	if err := stream.Send(&pb.WorkRequest{Hello: hello, Credit: credit}); err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	outbox := make(chan *pb.WorkRequest, credit)
	go send(ctx, stream, outbox, first.GetWelcome().GetLeaseDuration().AsDuration()/3)
	for response := first; ; {
		for _, assignment := range response.GetAssignments() {
			go func() {
				select {
				case outbox <- work(ctx, assignment):
				case <-ctx.Done(): // It runs elsewhere.
				}
			}()
		}
		if response, err = stream.Recv(); err != nil {
			return err
		}
	}
}

// send is the stream's only sender: results, and between them signs of life.
func send(ctx context.Context, stream grpc.BidiStreamingClient[pb.WorkRequest, pb.WorkResponse],
	outbox <-chan *pb.WorkRequest, interval time.Duration) {
	heartbeat := time.NewTicker(interval)
	defer heartbeat.Stop()
	for {
		request := &pb.WorkRequest{Heartbeat: &pb.WorkerHeartbeat{}}
		select {
		case request = <-outbox:
		case <-heartbeat.C:
		case <-ctx.Done():
			return
		}
		if stream.Send(request) != nil {
			return // Recv has the reason.
		}
	}
}

func main() {
	connection, err := grpc.NewClient(os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	for {
		log.Printf("connection lost: %v", serve(pb.NewWorkerServiceClient(connection)))
		time.Sleep(time.Second)
	}
}
