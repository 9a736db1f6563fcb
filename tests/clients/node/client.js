// A tour of TaskForge's API with the stock gRPC library: node client.js ADDRESS PROTOS
// PROTOS is the directory of the .proto files: nothing is generated.
import assert from 'node:assert/strict';
// [readme]
import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
// [/readme]
import googleProtos from 'google-proto-files';

const [address, protos] = process.argv.slice(2);
const TIMEOUT_MS = 30_000;

// [readme]
const definition = protoLoader.loadSync(
  ['taskforge/v1/task_service.proto', 'taskforge/v1/bus_service.proto'],
  { includeDirs: [protos], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true },
);
const { TaskService, BusService } = grpc.loadPackageDefinition(definition).taskforge.v1;
// [/readme]
const credentials = grpc.credentials.createInsecure();
const tasks = new TaskService(address, credentials);
const bus = new BusService(address, credentials);

// Makes a promise of a unary call.
function call(client, method, request) {
  const deadline = new Date(Date.now() + TIMEOUT_MS);
  return promisify(client[method]).call(client, request, { deadline });
}

// What stands in grpc-status-details-bin: a google.rpc.Status, whose details are Any.
const rpc = await googleProtos.load(
  ['google/rpc/status.proto', 'google/rpc/error_details.proto'].map((path) =>
    googleProtos.getProtoPath(...path.split('/').slice(1)),
  ),
);
function decodeDetails(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = rpc.lookupType('google.rpc.Status').decode(bytes);
  return Object.fromEntries(
    status.details.map(({ type_url: url, value }) => {
      const name = url.slice(url.lastIndexOf('/') + 1);
      return [name.split('.').pop(), rpc.lookupType(name).decode(value)];
    }),
  );
}

// Submits a task, waits for its end, and prints its output.
async function firstCall() {
  // [readme]
  const tasks = new TaskService(address, grpc.credentials.createInsecure());
  const runTask = promisify(tasks.runTask).bind(tasks);
  const task = await runTask({
    task: { handler: 'sha256', priority: 'PRIORITY_HIGH', input: { text_data: 'abc' } },
  });
  console.log(task.output.text_data);
  // [/readme]
  assert.match(task.output.text_data, /^ba7816bf/);
  tasks.close();
}

// Submits a task and follows it to its end.
async function submitAndWatch() {
  const submitted = await call(tasks, 'submitTask', {
    task: { handler: 'sleep', input: { text_data: '50ms' } },
    request_id: 'node-client-1', // Sent again, it is still one task.
  });
  const states = [];
  for await (const { task } of tasks.watchTask({ name: submitted.name })) states.push(task.state);
  assert.equal(states.at(-1), 'TASK_STATE_SUCCEEDED');
  console.log('watch:', states.join(' -> '));
}

// Subscribes by a wildcard, publishes an event, and gets it.
async function publishAndSubscribe() {
  const stream = bus.subscribe({ filters: ['orders.>'] });
  stream.on('error', (error) => assert.equal(error.code, grpc.status.CANCELLED));
  const responses = stream[Symbol.asyncIterator]();
  // The first answer says that the subscription is live: from now on nothing is missed.
  assert.ok((await responses.next()).value.subscription);
  const published = await call(bus, 'publish', {
    events: [{ topic: 'orders.17.paid', data: { text_data: '17 €' } }],
  });
  assert.deepEqual(published.routed, [1]);
  const { event } = (await responses.next()).value.deliveries[0];
  assert.equal(event.topic, 'orders.17.paid');
  assert.equal(event.data.text_data, '17 €');
  stream.cancel();
  console.log('subscribe:', event.topic, event.data.text_data);
}

// What is wrong comes with the error: the reason, and every field at once.
async function richError() {
  const bad = { handler: 'Not A Handler', retry_policy: { max_attempts: -1 } };
  const error = await call(tasks, 'submitTask', { task: bad }).then(
    () => assert.fail('a bad task was accepted'),
    (refusal) => refusal,
  );
  assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
  const { ErrorInfo, BadRequest } = decodeDetails(error);
  assert.equal(ErrorInfo.domain, 'taskforge');
  assert.ok(ErrorInfo.reason);
  const fields = BadRequest.fieldViolations.map(({ field }) => field).sort();
  assert.deepEqual(fields, ['task.handler', 'task.retry_policy.max_attempts']);
  console.log('error:', ErrorInfo.reason, fields);
}

await firstCall();
await submitAndWatch();
await publishAndSubscribe();
await richError();
tasks.close();
bus.close();
