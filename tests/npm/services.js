// SPDX-License-Identifier: Apache-2.0
// What @jupyterlab/services, the library beneath JupyterLab, gets from the kernel. test_services.py
// runs it: node services.js BASE_URL TOKEN prints {"check": value or {"failed": reason}}.
const { KernelAPI, KernelManager, KernelSpecManager, ServerConnection, SessionManager } =
  require('@jupyterlab/services');

const [baseUrl, token] = process.argv.slice(2);
const serverSettings = ServerConnection.makeSettings({
  baseUrl, token, wsUrl: baseUrl.replace(/^http/, 'ws'), WebSocket: require('ws'), appendToken: true
});
const NAME = 'llmspell-lua';
const PATIENCE = 30000;

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} never came`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Executes; resolves to the reply and what was seen, once reply and idle are there. */
async function run(kernel, code, options = {}) {
  const seen = { text: '', types: [], data: [] };
  const future = kernel.requestExecute({ code, allow_stdin: !!options.answer });
  future.onIOPub = message => {
    seen.types.push(message.header.msg_type);
    seen.text += message.content.text ?? '';
    if (message.content.data) seen.data.push(message.content.data);
    options.onIOPub?.(message);
  };
  future.onStdin = message => {
    seen.prompt = message.content.prompt;
    kernel.sendInputReply({ status: 'ok', value: options.answer }, message.parent_header);
  };
  seen.reply = (await within(future.done, `the end of ${code}`)).content;
  return seen;
}

const checks = {
  async specs({ specs }) {
    const spec = specs.specs.kernelspecs[NAME];
    return { language: spec.language, name: spec.display_name, logos: Object.keys(spec.resources) };
  },
  async info({ kernel }) {
    const info = await within(kernel.info, 'kernel_info');
    return { language: info.language_info.name, version: info.protocol_version };
  },
  async execute({ kernel }) {
    const { reply, text, data } = await run(kernel, "print('hello') return 6 * 7");
    return { status: reply.status, text, result: data[0]['text/plain'] };
  },
  async error({ kernel }) {
    const { reply, types } = await run(kernel, "error('broken')");
    const errors = types.filter(type => type === 'error').length;
    return { status: reply.status, name: reply.ename, errors };
  },
  async display({ kernel }) {
    const { types, data } = await run(kernel, "display(Display.html('<b>x</b>')):update('y')");
    return { types: types.filter(type => /display/.test(type)), html: data[0]['text/html'] };
  },
  async futures({ kernel }) {
    const all = Array.from({ length: 200 }, (_, n) => run(kernel, `print(${n}) return ${n}`));
    const done = await Promise.all(all);
    return done.every((one, n) => one.text === `${n}\n` && one.data[0]['text/plain'] === `${n}`);
  },
  async lines({ kernel }) {
    const { text } = await run(kernel, "for i = 1, 5000 do print('line ' .. i) end");
    return text === Array.from({ length: 5000 }, (_, n) => `line ${n + 1}\n`).join('');
  },
  async stdin({ kernel }) {
    const { text, prompt } = await run(kernel,
      "io.write('name? ') local n = io.read() print('hello ' .. n)", { answer: 'Ada' });
    return { hello: text.endsWith('hello Ada\n'), prompt: typeof prompt };
  },
  async requests({ kernel }) {
    const complete = await kernel.requestComplete({ code: 'string.re', cursor_pos: 9 });
    const inspect = await kernel.requestInspect({ code: 'print', cursor_pos: 5, detail_level: 0 });
    const whole = await kernel.requestIsComplete({ code: 'for' });
    const history = await kernel.requestHistory({
      hist_access_type: 'tail', n: 1, output: false, raw: true });
    return { matches: complete.content.matches, found: inspect.content.found,
      whole: whole.content.status, history: history.content.history.length };
  },
  async interrupt({ kernel }) {
    const { reply } = await run(kernel, "print('running') while true do end", {
      onIOPub: message => message.header.msg_type === 'stream' && kernel.interrupt() });
    return reply.ename;
  },
  async restart({ kernel }) {
    await run(kernel, 'kept = 1');
    await within(kernel.restart(), 'the restart');
    const { reply, data } = await run(kernel, 'return tostring(kept)');
    return { count: reply.execution_count, kept: data[0]['text/plain'] };
  },
  async unknown_comm({ kernel }) {
    const comm = kernel.createComm('nosuch.target');
    const closed = new Promise(resolve => { comm.onClose = () => resolve('closed'); });
    comm.open({});
    return within(closed, 'comm_close');
  },
  async comm({ kernel }) {
    await run(kernel, `Comm.register('echo', function(comm, data)
      comm:on_msg(function(data) comm:send{echo = data.value} end)
      comm:send{opened = data.value} end)`);
    const comm = kernel.createComm('echo');
    const got = [];
    const both = new Promise(resolve => {
      comm.onMsg = message => got.push(message.content.data) === 2 && resolve(got);
    });
    comm.open({ value: 1 });
    comm.send({ value: 'ö' });
    const seen = await within(both, 'the echo');
    comm.close();
    return seen;
  },
  async subshell({ kernel }) {
    // A comm speaks through a subshell of its own, so it is heard while a cell runs.
    await run(kernel, `done = false
      Comm.register('stop', function(comm) comm:on_msg(function() done = true end) end)`);
    const comm = kernel.createComm('stop');
    await within(comm.subshellStarted, 'the subshell');
    comm.open({});
    const { reply } = await run(kernel, "print('running') while not done do end", {
      onIOPub: message => message.header.msg_type === 'stream' && comm.send({}) });
    const features = (await kernel.info).supported_features;
    return { status: reply.status, announced: features.includes('kernel subshells') };
  },
  async second_client({ kernel, kernels }) {
    const other = kernels.connectTo({ model: kernel.model });
    const { text } = await run(other, "print('from the other')");
    other.dispose();
    return text;
  }
};

async function main() {
  const specs = new KernelSpecManager({ serverSettings });
  await specs.ready;
  const kernels = new KernelManager({ serverSettings });
  const sessions = new SessionManager({ serverSettings, kernelManager: kernels });
  const session = await sessions.startNew({
    name: 'a', path: 'a.ipynb', type: 'notebook', kernel: { name: NAME } });
  const results = {};
  for (const [name, check] of Object.entries(checks)) {
    try {
      const all = { kernel: session.kernel, specs, kernels };
      results[name] = await within(check(all), `the end of the check ${name}`);
    } catch (error) {
      results[name] = { failed: String(error.stack ?? error) };
    }
    if (results[name]?.failed) {
      console.error(name, results[name].failed);
      await session.kernel.restart(); // so that one failure does not cause the next
    }
  }
  await session.shutdown();
  results.shutdown = (await KernelAPI.listRunning(serverSettings)).length;
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
}

main().catch(error => { console.error(error); process.exit(1); });
