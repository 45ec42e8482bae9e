// SPDX-License-Identifier: Apache-2.0
// VS Code's client for tests of debug adapters, against `llmspell debug`: node debugger.js BINARY PROGRAM [PORT]
// Prints what it saw as JSON; test_debugger.py holds it against what it ought to be.
const {DebugClient} = require('@vscode/debugadapter-testsupport');

const [binary, program, port] = process.argv.slice(2);
const results = {};

async function session(name, work) {
  const client = new DebugClient(`'${binary}' debug`, '--stdio', 'llmspell', {shell: true});
  client.defaultTimeout = 20000;
  await client.start(port ? Number(port) : undefined);
  try {
    results[name] = await work(client);
  } catch (error) {
    results[name] = {error: String(error)};
  }
  await client.stop();
}

async function top(client, thread) {
  const {body} = await client.stackTraceRequest({threadId: thread, startFrame: 0, levels: 20});
  return body.stackFrames[0];
}

async function locals(client, frame) {
  const {body} = await client.scopesRequest({frameId: frame.id});
  const variables = await client.variablesRequest({variablesReference: body.scopes[0].variablesReference});
  return Object.fromEntries(variables.body.variables.map(v => [v.name, v.value]));
}

async function main() {
  await session('breakpoint', async client => {
    await client.hitBreakpoint({program}, {path: program, line: 2});
    const frame = await top(client, 1);
    const before = await locals(client, frame);
    const evaluated = await client.evaluateRequest({expression: 'x + 1', frameId: frame.id, context: 'watch'});
    await Promise.all([client.nextRequest({threadId: 1}), client.assertStoppedLocation('step', {path: program, line: 3})]);
    const after = await locals(client, await top(client, 1));
    await Promise.all([client.continueRequest({threadId: 1}), client.waitForEvent('terminated')]);
    return {before, after, evaluated: evaluated.body.result};
  });
  await session('moved', async client => {
    await client.hitBreakpoint({program}, {path: program, line: 5}, {path: program, line: 6}, {path: program, line: 6});
    return true;
  });
  await session('entry', async client => {
    await Promise.all([client.configurationSequence(), client.launch({program, stopOnEntry: true}),
                       client.assertStoppedLocation('entry', {path: program, line: 4})]);
    return true;
  });
  await session('output', async client => {
    await Promise.all([client.configurationSequence(), client.launch({program}), client.assertOutput('stdout', '42\n'),
                       client.waitForEvent('terminated')]);
    return true;
  });
  await session('error', async client => {
    const stopped = client.waitForEvent('stopped');
    await Promise.all([
      client.waitForEvent('initialized')
        .then(() => client.setExceptionBreakpointsRequest({filters: ['uncaught']}))
        .then(() => client.configurationDoneRequest()),
      client.launch({program: program.replace('program.lua', 'broken.lua')})]);
    const {body} = await stopped;
    const info = await client.exceptionInfoRequest({threadId: body.threadId});
    return {reason: body.reason, line: (await top(client, body.threadId)).line, mode: info.body.breakMode};
  });
  await session('missing', async client => {
    try {
      await client.launch({program: '/nonexistent/x.lua'});
    } catch (error) {
      return String(error.message);
    }
  });
  console.log(JSON.stringify(results));
}

main().then(() => process.exit(0), error => {
  console.error(error);
  process.exit(1);
});
