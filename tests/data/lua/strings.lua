-- SPDX-License-Identifier: Apache-2.0
-- Holds our string and table functions against Lua's own, on random patterns, subjects, arguments.
-- The value is "same", or the first difference. Run by tests/unit/runtime/test_lua_strings.c, which
-- sets SHARE for less of it.
local meta = debug.getmetatable("")
local stock = package.loadlib("liblua5.4.so.0", "luaopen_string")()
local stock_table = package.loadlib("liblua5.4.so.0", "luaopen_table")()
debug.setmetatable("", meta)
assert(("").find == string.find and stock.find ~= string.find and stock_table.sort ~= table.sort)
math.randomseed(5, 4)
local random = math.random

local PIECES = {"a", "b", "ab", ".", "%a", "%d", "%s", "%w", "%x", "%p", "%u", "%l", "%c", "%g", "%A",
                "%%", "[ab]", "[^a]", "[a-c]", "[%d_]", "[]]", "[^]a]", "[a-]", "(", ")", "()", "(a)",
                "(.-)", "%1", "%2", "%b()", "%bab", "%f[a]", "%f[%W]", "^", "$", "*", "+", "-", "?", "a*",
                "b+", ".-", "a?", "[", "%", "\0", "\xff", "é", " ", "%f", "%b", "[a", "%z", "(a*(.)%w(%s*))"}
local LETTERS = {"a", "b", "c", "ab", "(", ")", "1", "9", " ", "_", "A", "\0", "\xff", "é", "%", "-", "\n"}
local REPLACEMENTS = {"", "x", "%0", "%1", "<%1%2>", "%%", "%", "%9", "%a", 7, true, {}, {a = "A", b = 1},
                      {a = false}, {a = {}}, function(x) return x end, function() end,
                      function() return false end, function(a, b) return b end,
                      function() return {} end, function() error("stop", 0) end}

local function text(list, most)
    local parts = {}
    for i = 1, random(0, most) do parts[i] = list[random(#list)] end
    return table.concat(parts)
end

local function show(list)
    local parts = {}
    for i = 1, list.n do parts[i] = stock.format("%q", tostring(list[i])) end
    return table.concat(parts, ", ")
end

-- Calls both; the difference, or nil.
local function differ(name, ours, theirs, ...)
    local a, b = table.pack(pcall(ours, ...)), table.pack(pcall(theirs, ...))
    local same = a.n == b.n
    if not a[1] then -- Lua's own have no name here
        for _, result in ipairs{a, b} do
            result[2] = stock.gsub(tostring(result[2]), "bad argument #(%d+) to '[^']*'", "%1")
        end
    end
    for i = 1, a.n do
        same = same and (a[i] == b[i] or a[i] ~= a[i] and b[i] ~= b[i]) and math.type(a[i]) == math.type(b[i])
    end
    if not same then
        return stock.format("%s(%s): %s; Lua: %s", name, show(table.pack(...)), show(a), show(b))
    end
end

local function all(gmatch)
    return function(...)
        local found, n = {}, 0
        for a, b in gmatch(...) do
            n = n + 1
            found[n] = tostring(a) .. "|" .. tostring(b)
            if n > 100 then break end
        end
        return table.concat(found, ";")
    end
end

local function patterns(count)
    for _ = 1, count do
        local s, p = text(LETTERS, 12), text(PIECES, 6)
        local init = random(3) == 1 and random(-15, 15) or nil
        local plain = random(8) == 1
        local difference = differ("find", string.find, stock.find, s, p, init, plain)
            or differ("match", string.match, stock.match, s, p, init)
            or differ("gmatch", all(string.gmatch), all(stock.gmatch), s, p, init)
            or differ("gsub", string.gsub, stock.gsub, s, p, REPLACEMENTS[random(#REPLACEMENTS)],
                      random(4) == 1 and random(-1, 3) or nil)
        if difference then return difference end
    end
end

local function whole(count)
    for _ = 1, count do
        local s = text(LETTERS, random(4) == 1 and 3000 or 8)
        local difference = differ("upper", string.upper, stock.upper, s)
            or differ("lower", string.lower, stock.lower, s)
            or differ("reverse", string.reverse, stock.reverse, s)
            or differ("rep", string.rep, stock.rep, s, random(-1, 70), random(2) == 1 and text(LETTERS, 3) or nil)
            or differ("find", string.find, stock.find, s, text(LETTERS, 3), random(-9, 9), true)
        if difference then return difference end
    end
    for _, case in ipairs{{"x", math.maxinteger}, {"", 1000}, {"", 5, "ab"}, {"xy", 1 << 62},
                          {("ab"):rep(70000), 3, ("-"):rep(70000)}, {"ab", 100001, ""}, {"abc", 65537, ", "}} do
        local difference = differ("rep", string.rep, stock.rep, table.unpack(case))
        if difference then return difference:sub(1, 200) end
    end
    local long, tail = ("a"):rep(200000), ("a"):rep(3) .. "b"
    return differ("find", string.find, stock.find, long .. tail .. long, tail, 1, true)
        or differ("find", string.find, stock.find, long, "b", 1, true)
        or differ("match", string.match, stock.match, long .. "b", "^(a*)b$")
        or differ("pattern too complex", string.match, stock.match, long, ("a?"):rep(250))
        or differ("captures", string.match, stock.match, long, ("(a)"):rep(33))
end

local function contents(t)
    local parts = {}
    for i = -3, 25 do parts[#parts + 1] = tostring(t[i]) end
    return table.concat(parts, ",")
end

-- A table function on a fresh copy of t: what it returns, and what it made of it.
local function on_copy(f)
    return function(t, ...)
        local copy = {}
        for k, v in next, t do copy[k] = v end
        local result = f(copy, ...)
        return (result == copy and "itself" or tostring(result)) .. " " .. contents(copy)
    end
end

local function tables(count)
    local proxy = {__index = function(_, k) return k < 9 and k or nil end, __len = function() return 8 end,
                   __newindex = function() end}
    for _ = 1, count do
        local t, n = {}, random(0, 12)
        for i = 1, n do t[i] = random(5) == 1 and tostring(random(9)) or random(9) end
        local function argument() return random(5) > 1 and random(-2, n + 3) or nil end
        local a, b, c = argument(), argument(), argument()
        local difference = differ("insert", on_copy(table.insert), on_copy(stock_table.insert), t, a, b)
            or differ("insert", on_copy(table.insert), on_copy(stock_table.insert), t, "x")
            or a ~= nil and a >= 1 and a <= n and differ("remove", on_copy(table.remove), on_copy(stock_table.remove), t, a)
            or differ("remove", on_copy(table.remove), on_copy(stock_table.remove), t)
            or differ("move", on_copy(table.move), on_copy(stock_table.move), t, a, b, c)
            or differ("concat", table.concat, stock_table.concat, t, random(2) == 1 and ", " or nil, a, b)
            or differ("concat", table.concat, stock_table.concat, setmetatable({}, proxy), "-")
        if difference then return difference end
        for _, less in ipairs{false, function(x, y) return tostring(x) < tostring(y) end,
                              function(x, y) return tostring(x) > tostring(y) end, function() return true end} do
            difference = differ("sort", on_copy(table.sort), on_copy(stock_table.sort), t, less or nil)
            if difference then return difference end
        end
    end
    local many, copy = {}, {}
    for i = 1, 20000 do many[i] = {random(100)} copy[i] = many[i] end
    local function less(x, y) return x[1] < y[1] end
    table.sort(many, less)
    stock_table.sort(copy, less)
    for i = 1, #many do
        if many[i] ~= copy[i] then return "sort: equal elements end up elsewhere" end
    end
end

local share = SHARE or 1
return patterns(20000 // share) or whole(2000 // share) or tables(3000 // share) or "same"
