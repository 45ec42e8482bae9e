/* SPDX-License-Identifier: Apache-2.0
 * What inspection says about functions written in C (see library.h). A row whose function is not
 * there (stdlib = safe) is passed over. */
#include "library.h"

#include <lauxlib.h>
#include <string.h>

#define LIBRARY_TABLE "llmspell.library" /* registry: value → number of its entry */

static const struct library_entry ENTRIES[] = {
    {"_G", "", "all globals"},
    {"_VERSION", "", "the version of the language"},
    {"assert", "(v [, message])",
     "raises an error (message) if v is false or nil; else returns its arguments"},
    {"collectgarbage", "([option [, arg]])",
     "collects garbage; option: \"collect\", \"count\", \"step\", \"stop\", \"restart\", "
     "\"isrunning\", \"incremental\", \"generational\""},
    {"dofile", "([filename])", "runs a file and returns its results"},
    {"error", "(message [, level])",
     "raises an error; level says whose position is put before the message (0: none)"},
    {"getmetatable", "(object)", "the metatable of a value, or its __metatable field"},
    {"ipairs", "(t)", "iterates over t[1], t[2], … up to the first nil"},
    {"load", "(chunk [, chunkname [, mode [, env]]])",
     "compiles a text or what a function returns piecewise; the function, or nil and a message"},
    {"loadfile", "([filename [, mode [, env]]])",
     "compiles a file; the function, or nil and a message"},
    {"next", "(table [, index])", "the next index of a table and its value; nil at the end"},
    {"pairs", "(t)", "iterates over all keys and values of a table"},
    {"pcall", "(f [, arg1, ...])", "calls f; true and its results, or false and the error"},
    {"print", "(...)", "writes its arguments, with tabs between them, and a newline"},
    {"rawequal", "(v1, v2)", "compares without __eq"},
    {"rawget", "(table, index)", "reads a field without __index"},
    {"rawlen", "(v)", "the length of a table or string without __len"},
    {"rawset", "(table, index, value)", "sets a field without __newindex; returns the table"},
    {"require", "(modname)", "loads a module once; its value, and where it was found"},
    {"select", "(n, ...)",
     "the arguments from number n on; select(\"#\", ...): how many there are"},
    {"setmetatable", "(table, metatable)",
     "sets the metatable (nil: removes it); returns the table"},
    {"tonumber", "(e [, base])", "converts to a number; nil if that is not possible"},
    {"tostring", "(v)", "converts to a text, by __tostring or __name if there are any"},
    {"type", "(v)",
     "\"nil\", \"number\", \"string\", \"boolean\", \"table\", \"function\", \"thread\" or "
     "\"userdata\""},
    {"warn", "(msg1, ...)", "emits a warning; \"@on\" and \"@off\" switch them"},
    {"xpcall", "(f, msgh [, arg1, ...])", "like pcall, with a message handler"},
    {"coroutine", "", "coroutines: code that can be suspended"},
    {"coroutine.close", "(co)",
     "closes a suspended or dead coroutine and its to-be-closed variables"},
    {"coroutine.create", "(f)", "a new coroutine with body f"},
    {"coroutine.isyieldable", "([co])", "true if the coroutine can yield"},
    {"coroutine.resume", "(co [, val1, ...])",
     "starts or goes on with a coroutine; true and what it yields, or false and the error"},
    {"coroutine.running", "()", "the running coroutine, and whether it is the main one"},
    {"coroutine.status", "(co)", "\"running\", \"suspended\", \"normal\" or \"dead\""},
    {"coroutine.wrap", "(f)",
     "a function that resumes a new coroutine each time; errors are raised"},
    {"coroutine.yield", "(...)",
     "suspends the running coroutine; the arguments become results of resume"},
    {"debug", "", "looks into and changes running code"},
    {"debug.debug", "()", "reads and runs lines until \"cont\""},
    {"debug.gethook", "([thread])", "the hook function, its mask and count"},
    {"debug.getinfo", "([thread,] f [, what])", "a table about a function or a level of the stack"},
    {"debug.getlocal", "([thread,] f, local)",
     "name and value of a local variable, or a parameter's name"},
    {"debug.getmetatable", "(value)", "the metatable, whatever __metatable says"},
    {"debug.getregistry", "()", "the registry"},
    {"debug.getupvalue", "(f, up)", "name and value of an upvalue"},
    {"debug.getuservalue", "(u, n)", "a user value of a userdata"},
    {"debug.sethook", "([thread,] hook, mask [, count])",
     "sets a hook: mask of \"c\" call, \"r\" return, \"l\" line"},
    {"debug.setlocal", "([thread,] level, local, value)", "sets a local variable; its name"},
    {"debug.setmetatable", "(value, table)", "sets the metatable of any value"},
    {"debug.setupvalue", "(f, up, value)", "sets an upvalue; its name"},
    {"debug.setuservalue", "(udata, value, n)", "sets a user value of a userdata"},
    {"debug.traceback", "([thread,] [message [, level]])", "a text with the calls that are active"},
    {"debug.upvalueid", "(f, n)", "what tells upvalues apart"},
    {"debug.upvaluejoin", "(f1, n1, f2, n2)", "makes an upvalue of f1 the same as one of f2"},
    {"debug.setcstacklimit", "(limit)", "does nothing; kept for old code"},
    {"io", "", "files, pipes and the standard streams"},
    {"io.close", "([file])", "closes a file, or the default output"},
    {"io.flush", "()", "writes what the default output holds back"},
    {"io.input", "([file])", "sets or returns the default input"},
    {"io.lines", "([filename, ...])", "iterates over the lines of a file, or of the default input"},
    {"io.open", "(filename [, mode])",
     "opens a file: \"r\", \"w\", \"a\", \"r+\", \"w+\", \"a+\", with \"b\"; or nil, message, "
     "number"},
    {"io.output", "([file])", "sets or returns the default output"},
    {"io.popen", "(prog [, mode])", "starts a program to read from (\"r\") or to write to (\"w\")"},
    {"io.read", "(...)",
     "reads from the default input: \"l\" line, \"L\" with its newline, \"n\" number, \"a\" all, "
     "or bytes"},
    {"io.tmpfile", "()", "a temporary file that is removed at the end"},
    {"io.type", "(obj)", "\"file\", \"closed file\" or nil"},
    {"io.write", "(...)", "writes texts and numbers to the default output"},
    {"io.stdin", "", "standard input: the client is asked for lines"},
    {"io.stdout", "", "standard output"},
    {"io.stderr", "", "standard error"},
    {"file:close", "()", "closes the file; of a pipe, how the program ended"},
    {"file:flush", "()", "writes what is held back"},
    {"file:lines", "(...)",
     "iterates over the file by formats, as read takes them; lines by default"},
    {"file:read", "(...)",
     "reads: \"l\" line, \"L\" with its newline, \"n\" number, \"a\" all, or a number of bytes"},
    {"file:seek", "([whence [, offset]])",
     "sets and returns the position: \"set\", \"cur\", \"end\""},
    {"file:setvbuf", "(mode [, size])", "sets buffering: \"no\", \"full\", \"line\""},
    {"file:write", "(...)", "writes texts and numbers; returns the file"},
    {"math", "", "mathematical functions"},
    {"math.abs", "(x)", "the absolute value"},
    {"math.acos", "(x)", "the arc cosine, in radians"},
    {"math.asin", "(x)", "the arc sine, in radians"},
    {"math.atan", "(y [, x])", "the arc tangent of y/x, in radians, in the right quadrant"},
    {"math.ceil", "(x)", "the least integer not below x"},
    {"math.cos", "(x)", "the cosine of x radians"},
    {"math.deg", "(x)", "radians to degrees"},
    {"math.exp", "(x)", "e to the power of x"},
    {"math.floor", "(x)", "the greatest integer not above x"},
    {"math.fmod", "(x, y)", "the remainder of x/y, rounded towards zero"},
    {"math.huge", "", "infinity"},
    {"math.log", "(x [, base])", "the logarithm, natural by default"},
    {"math.max", "(x, ...)", "the greatest argument"},
    {"math.maxinteger", "", "the greatest integer"},
    {"math.min", "(x, ...)", "the least argument"},
    {"math.mininteger", "", "the least integer"},
    {"math.modf", "(x)", "the integral part and the fraction"},
    {"math.pi", "", "the number π"},
    {"math.rad", "(x)", "degrees to radians"},
    {"math.random", "([m [, n]])",
     "a random float in [0, 1), or an integer in 1 to m, or in m to n"},
    {"math.randomseed", "([x [, y]])", "seeds the generator, randomly without arguments"},
    {"math.sin", "(x)", "the sine of x radians"},
    {"math.sqrt", "(x)", "the square root"},
    {"math.tan", "(x)", "the tangent of x radians"},
    {"math.tointeger", "(x)", "x as an integer, or nil"},
    {"math.type", "(x)", "\"integer\", \"float\" or nil"},
    {"math.ult", "(m, n)", "m < n as unsigned integers"},
    {"os", "", "time, files and the process"},
    {"os.clock", "()", "seconds of processor time that were used"},
    {"os.date", "([format [, time]])", "a date as text, or as a table with \"*t\" (\"!\": UTC)"},
    {"os.difftime", "(t2, t1)", "seconds from t1 to t2"},
    {"os.execute", "([command])",
     "runs a shell command; true or nil, \"exit\" or \"signal\", the number"},
    {"os.exit", "([code [, close]])", "ends the execution, not the kernel"},
    {"os.getenv", "(varname)", "the value of an environment variable, or nil"},
    {"os.remove", "(filename)", "deletes a file or an empty folder"},
    {"os.rename", "(oldname, newname)", "renames a file or folder"},
    {"os.setlocale", "(locale [, category])", "changes nothing here"},
    {"os.time", "([table])", "the time in seconds, of a table or now"},
    {"os.tmpname", "()", "a name for a temporary file"},
    {"package", "", "where and how require finds modules"},
    {"package.config", "", "separators and marks of paths, one a line"},
    {"package.cpath", "", "templates of paths to C modules"},
    {"package.loaded", "", "modules that were loaded"},
    {"package.loadlib", "(libname, funcname)", "a function of a C library"},
    {"package.path", "", "templates of paths to Lua modules"},
    {"package.preload", "", "loaders of certain modules"},
    {"package.searchers", "", "the functions that require asks in turn"},
    {"package.searchpath", "(name, path [, sep [, rep]])",
     "the file of a name by templates, or nil and what was tried"},
    {"string", "", "functions on texts; also methods: (\"x\"):rep(3)"},
    {"string.byte", "(s [, i [, j]])", "the bytes from i to j as numbers"},
    {"string.char", "(...)", "a text of these bytes"},
    {"string.dump", "(function [, strip])", "a function as binary chunk"},
    {"string.find", "(s, pattern [, init [, plain]])",
     "where a pattern first matches (start, end, captures), or nil"},
    {"string.format", "(formatstring, ...)",
     "a text by a format: %d %i %u %c %x %X %o %a %e %f %g %q %s %%"},
    {"string.gmatch", "(s, pattern [, init])", "iterates over the matches of a pattern"},
    {"string.gsub", "(s, pattern, repl [, n])",
     "replaces matches by a text, table or function; the text and how many"},
    {"string.len", "(s)", "the length in bytes"},
    {"string.lower", "(s)", "in lower case"},
    {"string.match", "(s, pattern [, init])", "the captures of the first match, or nil"},
    {"string.pack", "(fmt, v1, v2, ...)", "packs values into a binary text"},
    {"string.packsize", "(fmt)", "the length of what pack makes with this format"},
    {"string.rep", "(s, n [, sep])", "the text n times, with sep between"},
    {"string.reverse", "(s)", "the bytes in reverse order"},
    {"string.sub", "(s, i [, j])", "the bytes from i to j; negative counts from the end"},
    {"string.unpack", "(fmt, s [, pos])", "the values of a packed text, and the next position"},
    {"string.upper", "(s)", "in upper case"},
    {"table", "", "functions on lists"},
    {"table.concat", "(list [, sep [, i [, j]]])", "joins texts and numbers, with sep between"},
    {"table.insert", "(list, [pos,] value)", "inserts a value, at the end by default"},
    {"table.move", "(a1, f, e, t [, a2])",
     "copies a1[f] to a1[e] to position t (of a2); returns the target"},
    {"table.pack", "(...)", "a table of all arguments, with their number as n"},
    {"table.remove", "(list [, pos])", "removes and returns a value, the last by default"},
    {"table.sort", "(list [, comp])", "sorts in place, by < or by comp(a, b)"},
    {"table.unpack", "(list [, i [, j]])", "list[i] to list[j] as results"},
    {"utf8", "", "texts as UTF-8"},
    {"utf8.char", "(...)", "a text of these code points"},
    {"utf8.charpattern", "", "a pattern that matches one character"},
    {"utf8.codepoint", "(s [, i [, j [, lax]]])",
     "the code points of the characters that start between i and j"},
    {"utf8.codes", "(s [, lax])", "iterates over position and code point of each character"},
    {"utf8.len", "(s [, i [, j [, lax]]])",
     "how many characters there are, or nil and the first bad byte"},
    {"utf8.offset", "(s, n [, i])", "the byte position of character number n"},
    {"Tool", "", "the tools: Tool.NAME{…} calls one, Tool.list() names them"},
    {"Tool.categories", "()", "a sorted array of the categories in use"},
    {"Tool.discover", "({category = …, tag = …})", "the tools of a category or keyword"},
    {"Tool.exists", "(name)", "whether there is a tool of that name"},
    {"Tool.get", "(name)", "the tool as an object: fields, :execute(params), :getSchema()"},
    {"Tool.info", "(name)", "the whole manifest of a tool"},
    {"Tool.invoke", "(name, params [, {timeout_ms = N}])", "calls a tool by name; its result"},
    {"Tool.list", "([category])", "an array of {name, title, description, category, version}"},
    {"Tool.search", "(word, ...)", "the tools in which every word occurs"},
    {"tool:execute", "(params [, options])", "calls the tool; its result"},
    {"tool:getSchema", "()", "the JSON Schema of the tool's parameters"},
    {"JSON", "", "JSON texts and values"},
    {"JSON.array", "([t])", "marks a table as an array, so that an empty one is []"},
    {"JSON.null", "", "null in arrays and objects"},
    {"JSON.object", "([t])", "marks a table as an object"},
    {"JSON.parse", "(text)", "a JSON text as value; raises with line, column and byte"},
    {"JSON.stringify", "(value [, options])",
     "a value as JSON text; options: spaces to indent, true, or {pretty = true, indent = N}"},
    {"Kernel", "", "the kernel that runs this code"},
    {"Kernel.id", "", "the kernel's id"},
    {"Kernel.status", "()", "the kernel's answer to status_request"},
    {"Log", "", "writes to the log of the process"},
    {"Log.debug", "(...)", "writes one record of level debug"},
    {"Log.error", "(...)", "writes one record of level error"},
    {"Log.info", "(...)", "writes one record of level info"},
    {"Log.trace", "(...)", "writes one record of level trace"},
    {"Log.warn", "(...)", "writes one record of level warn"},
    {"ARGS", "",
     "the script's arguments: [0] the file, [1] … those that are no options, NAME the options"},
    {"arg", "", "the script's arguments as they stand"},
    {"display", "(value [, {display_id = …, metadata = …}])",
     "shows a value, or a table of MIME types, in the cell's output"},
    {"update_display", "(value, {display_id = …})",
     "shows another value in the place of an earlier one"},
    {"clear_output", "([wait])",
     "clears the cell's output; with wait only when something new comes"},
    {"page", "(text)", "shows a text in the pager"},
    {"set_next_input", "(text [, replace])", "puts a text into the next cell, or into this one"},
    {"Display", "", "values that show themselves as a cell's result and by display()"},
    {"Display.gif", "(bytes or {path = …} [, {width, height}])", "an image"},
    {"Display.html", "(text)", "HTML"},
    {"Display.javascript", "(text)", "JavaScript that the front end runs"},
    {"Display.jpeg", "(bytes or {path = …} [, {width, height}])", "an image"},
    {"Display.json", "(value)", "a value that the front end shows as a tree"},
    {"Display.latex", "(text)", "a formula"},
    {"Display.markdown", "(text)", "Markdown"},
    {"Display.png", "(bytes or {path = …} [, {width, height}])", "an image"},
    {"Display.svg", "(text)", "a drawing"},
    {"Display.table", "(rows [, {columns = …, max_rows = …}])", "rows as a table"},
    {"Display.text", "(text)", "plain text"},
    {"Display.vega", "(spec)", "a Vega chart"},
    {"Display.vegalite", "(spec)", "a Vega-Lite chart"},
    {"Comm", "", "messages to and from the front end"},
    {"Comm.list", "()", "the comms that are open"},
    {"Comm.open", "(target [, data [, {metadata = …, buffers = …}]])",
     "opens a comm: id, target, :send, :close, :on_msg, :on_close"},
    {"Comm.register", "(target, function(comm, data, buffers))",
     "takes the comms that the front end opens for a target"},
    {"Comm.unregister", "(target)", "takes them no longer"},
    {"Widget", "", "controls in the notebook: sliders, buttons, texts"},
    {"Widget.interact", "(function, {name = …})",
     "calls a function anew whenever one of its controls changes"},
};

#define ENTRY_COUNT (sizeof ENTRIES / sizeof *ENTRIES)

/* Pushes the table that holds the last name of a path, without metamethods. */
static void push_holder(lua_State *L, const char *path, size_t size)
{
    static const char *const TYPES[][2] = {{"file", LUA_FILEHANDLE}, {"tool", "llmspell.tool"}};
    if (path[size] != ':') {
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
        if (size == 0)
            return;
        lua_pushlstring(L, path, size);
        lua_rawget(L, -2);
        lua_remove(L, -2);
        return;
    }
    const char *type = NULL;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strncmp(TYPES[i][0], path, size) == 0)
            type = TYPES[i][1];
    if (type && luaL_getmetatable(L, type) == LUA_TTABLE) {
        lua_pushliteral(L, "__index");
        lua_rawget(L, -2);
        lua_remove(L, -2);
    } else if (!type) {
        lua_pushnil(L);
    }
}

/* Pushes what a path names, or nil. */
static void push_path(lua_State *L, const char *path)
{
    size_t holder = strcspn(path, ".:");
    const char *name = path[holder] ? path + holder + 1 : path;
    push_holder(L, path, path[holder] ? holder : 0);
    if (lua_istable(L, -1)) {
        lua_pushstring(L, name);
        lua_rawget(L, -2);
    } else {
        lua_pushnil(L);
    }
    lua_remove(L, -2);
}

void library_open(lua_State *L)
{
    lua_createtable(L, 0, ENTRY_COUNT);
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        push_path(L, ENTRIES[i].path);
        lua_pushvalue(L, -1);
        int known = lua_rawget(L, -3) != LUA_TNIL;
        lua_pop(L, 1);
        if (!known && (lua_iscfunction(L, -1) || lua_istable(L, -1))) {
            lua_pushinteger(L, (lua_Integer)i);
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 1);
        }
    }
    lua_setfield(L, LUA_REGISTRYINDEX, LIBRARY_TABLE);
}

const struct library_entry *library_of(lua_State *L, int index)
{
    const struct library_entry *entry = NULL;
    index = lua_absindex(L, index);
    if (lua_isnil(L, index))
        return NULL;
    lua_getfield(L, LUA_REGISTRYINDEX, LIBRARY_TABLE);
    lua_pushvalue(L, index);
    if (lua_istable(L, -2) && lua_rawget(L, -2) == LUA_TNUMBER)
        entry = &ENTRIES[(size_t)lua_tointeger(L, -1) % ENTRY_COUNT];
    lua_pop(L, 2);
    return entry;
}

const struct library_entry *library_named(const char *path, size_t size)
{
    for (size_t i = 0; i < ENTRY_COUNT; i++)
        if (strlen(ENTRIES[i].path) == size && memcmp(ENTRIES[i].path, path, size) == 0)
            return &ENTRIES[i];
    return NULL;
}
