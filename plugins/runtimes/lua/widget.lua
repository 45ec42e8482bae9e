-- SPDX-License-Identifier: Apache-2.0
-- Widget: objects whose state is kept the same here and in the front ends, by comms of the target
-- jupyter.widget (protocol 2.1). Loaded by widget.c with the table Widget and its C functions.
local Widget, native = ...
local Comm, null, array, models = native.Comm, native.null, native.array, native.models

local VERSION = "2.1.0"
local records = setmetatable({}, {__mode = "k"}) -- of each widget: model, state, comm, observers …
local active = {}                                -- widgets whose comm is open, by id
local order = 0                                  -- of their making
local methods, properties = {}, {}               -- by model; [""]: of all

local function member(of, model, key)
  local own = of[model.name]
  return own and own[key] or of[""][key]
end

-- ---- values ----

local make -- (model, attributes [, comm])

local function complain(record, key, what, value)
  error(("%s.%s has to be %s, not %s"):format(record.model.name, key, what, tostring(value)), 0)
end

local function to_widget(record, key, attribute, value)
  local given = records[value]
  if given then return value end
  if type(value) ~= "table" or not attribute.model then
    complain(record, key, "a widget or a table of its attributes", value)
  end
  local made = make(models[attribute.model], value)
  record.owned[#record.owned + 1] = made
  return made
end

local function to_widgets(record, key, value)
  local copy = array{}
  if type(value) ~= "table" then complain(record, key, "an array of widgets", value) end
  for i, child in ipairs(value) do
    if not records[child] then complain(record, key, "an array of widgets", child) end
    copy[i] = child
  end
  return copy
end

local function to_list(record, key, value)
  if type(value) ~= "table" then complain(record, key, "an array", value) end
  return array(table.move(value, 1, #value, 1, {}))
end

-- The value as the state holds it; raises if it is none for this attribute.
local function coerce(record, key, attribute, value)
  local kind = attribute.kind
  if value == nil or value == null then
    if attribute.nullable then return null end
    complain(record, key, "a " .. kind, "nil")
  elseif kind == "widget" then
    return to_widget(record, key, attribute, value)
  elseif kind == "widgets" then
    return to_widgets(record, key, value)
  elseif kind == "list" then
    return to_list(record, key, value)
  elseif kind == "integer" then
    return type(value) == "number" and math.tointeger(value) or
           complain(record, key, "an integer", value)
  elseif type(value) ~= kind then
    complain(record, key, "a " .. kind, value)
  elseif kind == "number" and (value ~= value or math.abs(value) == math.huge) then
    complain(record, key, "a finite number", value)
  elseif kind == "string" and not utf8.len(value) then
    complain(record, key, "text in UTF-8", "other bytes")
  end
  return kind == "number" and value + 0.0 or value
end

-- A value stays between min and max, as in other kernels.
local function bounded(state, key, value)
  if key ~= "value" or state.min == nil then return value end
  return math.max(state.min, math.min(state.max, value))
end

local function reference(value)
  return "IPY_MODEL_" .. records[value].id
end

local function to_json(value)
  if type(value) ~= "table" then return value end
  if records[value] then return reference(value) end
  local copy, children = array{}, false
  for i, child in ipairs(value) do
    if not records[child] then break end
    copy[i], children = reference(child), true
  end
  return children and copy or value
end

local function full_state(record)
  local model = record.model
  local state = {_model_name = model.name .. "Model", _model_module = model.module,
                 _model_module_version = model.version, _view_name = model.view,
                 _view_module = model.view_module, _view_module_version = model.view_version}
  for key, value in pairs(record.state) do state[key] = to_json(value) end
  return state
end

-- ---- sending and telling ----

local function send_update(record, state, method, paths, buffers)
  if record.comm then
    record.comm:send({method = method or "update", state = state, buffer_paths = paths or array{}},
                     buffers)
  end
end

-- Each of a list as it is now: a handler may change it.
local function call_all(functions, ...)
  for _, handler in ipairs(table.move(functions, 1, #functions, 1, {})) do handler(...) end
end

local function tell(widget, record, name, old, new)
  local change = {type = "change", name = name, old = old, new = new, owner = widget}
  for _, key in ipairs{name, "*"} do call_all(record.observers[key] or {}, change) end
end

local function shown(value)
  if value == null then return nil end
  return value
end

-- The values of the properties that the model has beside its attributes.
local function derived(record)
  local values = {}
  for name, property in pairs(properties[record.model.name] or {}) do
    if property.get then values[name] = property.get(record) end
  end
  return values
end

-- Sets attributes that are already coerced. The front end learns of those that are new to it, then
-- the observers. known: what the front end has by itself; commit: does what belongs to it here.
local function apply(widget, record, values, known, commit)
  local changes, news, before = {}, {}, derived(record)
  if commit then commit() end
  for key, value in pairs(values) do
    local old = record.state[key]
    record.state[key] = value
    changes[#changes + 1] = {key, shown(old), shown(value)}
    local json = to_json(value)
    if known and known[key] ~= json and type(json) ~= "table" or
       not known and old ~= value then
      news[key] = json
    end
  end
  if next(news) then send_update(record, news) end
  for name, value in pairs(derived(record)) do
    changes[#changes + 1] = {name, before[name], value}
    before[name] = nil
  end
  for name, value in pairs(before) do changes[#changes + 1] = {name, value} end
  table.sort(changes, function(a, b) return a[1] < b[1] end)
  for _, change in ipairs(changes) do
    if change[2] ~= change[3] then tell(widget, record, table.unpack(change, 1, 3)) end
  end
end

local function unknown(record, key)
  local names = {}
  for name in pairs(record.model.attributes) do
    if name:sub(1, 1) ~= "_" then names[#names + 1] = name end
  end
  for name in pairs(properties[record.model.name] or {}) do names[#names + 1] = name end
  table.sort(names)
  error(("%s has no attribute %s; it has %s"):format(record.model.name, tostring(key),
                                                     table.concat(names, ", ")), 0)
end

-- {attribute = value} of what a script assigns to a name, and perhaps a commit for apply.
local function resolve(record, key, value)
  local property = member(properties, record.model, key)
  if property then return property.set(record, value) end
  local attribute = record.model.attributes[key]
  if not attribute then unknown(record, key) end
  local values = {[key] = bounded(record.state, key, coerce(record, key, attribute, value))}
  if (key == "min" or key == "max") and record.state.value ~= nil then
    local limits = {min = record.state.min, max = record.state.max, [key] = values[key]}
    if limits.min > limits.max then
      error(("%s: min (%s) is above max (%s)"):format(record.model.name, limits.min, limits.max), 0)
    end
    values.value = bounded(limits, "value", record.state.value)
  end
  return values
end

-- ---- what the front end sends ----

-- Puts the buffers where their paths say; list indexes count from 0 there.
local function put_buffers(state, paths, buffers)
  for i, path in ipairs(paths or {}) do
    local at = state
    for j, step in ipairs(path) do
      step = math.type(step) == "integer" and step + 1 or step
      if j == #path then at[step] = buffers[i] else at = at[step] end
      if type(at) ~= "table" then error("a buffer path that leads nowhere", 0) end
    end
  end
end

local function on_update(widget, record, data, buffers)
  local state = data.state
  if type(state) ~= "table" or not next(state) then return end
  send_update(record, state, "echo_update", data.buffer_paths, buffers)
  put_buffers(state, data.buffer_paths, buffers)
  local values = {}
  for key, value in pairs(state) do
    local attribute = record.model.attributes[key]
    if attribute and attribute.kind ~= "widget" and attribute.kind ~= "widgets" then
      values[key] = bounded(record.state, key, coerce(record, key, attribute, value))
    end
  end
  apply(widget, record, values, state)
end

local function on_custom(widget, record, content, buffers)
  local event = type(content) == "table" and content.event
  if record.events[event] then call_all(record.events[event], widget) end
  call_all(record.custom, content, buffers, widget)
end

local function on_message(widget, data, buffers)
  local record = records[widget]
  if type(data) ~= "table" then return end
  if data.method == "update" then
    on_update(widget, record, data, buffers)
  elseif data.method == "request_state" then
    send_update(record, full_state(record))
  elseif data.method == "custom" then
    on_custom(widget, record, data.content, buffers)
  end
end

-- ---- objects ----

local function forget(record)
  active[record.id] = nil
  record.comm = nil
end

local function attach(widget, record, comm)
  record.comm, record.id = comm, comm.id
  active[record.id] = widget
  comm:on_msg(function(data, buffers) on_message(widget, data, buffers) end)
  comm:on_close(function() forget(record) end)
end

local metatables = {}

-- The order makes min and max count before value, options before the choice among them.
local FIRST = {options = 1, min = 2, max = 2}

local function set_initial(record, attributes)
  local names = {}
  for key in pairs(attributes) do names[#names + 1] = key end
  table.sort(names, function(a, b)
    local x, y = FIRST[a] or 3, FIRST[b] or 3
    if x ~= y then return x < y end
    return tostring(a) < tostring(b)
  end)
  local state = record.state
  if state.min ~= nil then -- both at once: either alone may pass the other's default
    for _, key in ipairs{"min", "max"} do
      if attributes[key] ~= nil then
        state[key] = coerce(record, key, record.model.attributes[key], attributes[key])
      end
    end
  end
  for _, key in ipairs(names) do
    local values, commit = resolve(record, key, attributes[key])
    if commit then commit() end
    for name, value in pairs(values) do state[name] = value end
  end
  state.value = bounded(state, "value", state.value)
end

function make(model, attributes, comm)
  local widget = setmetatable({}, metatables[model.name])
  order = order + 1
  local record = {model = model, state = {}, observers = {}, events = {}, custom = {}, owned = {},
                  order = order}
  records[widget] = record
  for key, attribute in pairs(model.attributes) do
    if attribute.kind == "list" or attribute.kind == "widgets" then
      record.state[key] = array{}
    elseif attribute.default ~= null then
      record.state[key] = attribute.default
    end
  end
  set_initial(record, attributes)
  for _, key in ipairs{"layout", "style"} do
    if model.attributes[key] and not record.state[key] then
      record.state[key] = to_widget(record, key, model.attributes[key], {})
    end
  end
  attach(widget, record, comm or Comm.open("jupyter.widget",
         {state = full_state(record), buffer_paths = array{}}, {metadata = {version = VERSION}}))
  return widget
end

local function read(widget, key)
  local record = records[widget]
  local method = member(methods, record.model, key)
  if method then return method end
  local property = member(properties, record.model, key)
  if property then return property.get and property.get(record) end
  local value = shown(record.state[key])
  if type(value) == "table" and not records[value] then return to_list(record, key, value) end
  return value
end

local function write(widget, key, value)
  local record = records[widget]
  local done, values, commit = pcall(resolve, record, key, value)
  if not done then error(values, 2) end
  apply(widget, record, values, nil, commit)
end

local function describe(widget)
  local record, parts = records[widget], {}
  for _, key in ipairs{"description", "value", "min", "max"} do
    local value = read(widget, key)
    if value ~= nil and value ~= "" then
      parts[#parts + 1] = key .. " = " .. (type(value) == "string" and ("%q"):format(value) or
                                           tostring(value))
    end
  end
  return record.model.name .. "{" .. table.concat(parts, ", ") .. "}"
end

local function bundle(widget)
  local record, data = records[widget], {["text/plain"] = describe(widget)}
  if record.comm then
    data["application/vnd.jupyter.widget-view+json"] =
      {model_id = record.id, version_major = 2, version_minor = 0}
  end
  return data
end

for name in pairs(models) do
  metatables[name] = {__name = "Widget." .. name, __index = read, __newindex = write,
                      __tostring = describe, __display = bundle}
end

-- ---- methods ----

local function check_function(value)
  if type(value) ~= "function" then error("expected a function, not " .. type(value), 3) end
  return value
end

local function add(to, key, value)
  to[key] = to[key] or {}
  table.insert(to[key], value)
end

local function remove(from, value)
  for i = #(from or {}), 1, -1 do
    if from[i] == value then table.remove(from, i) end
  end
end

methods[""] = {
  observe = function(widget, name, observer)
    add(records[widget].observers, name or "*", check_function(observer))
    return widget
  end,
  unobserve = function(widget, name, observer)
    remove(records[widget].observers[name or "*"], observer)
    return widget
  end,
  send = function(widget, content, buffers)
    local comm = records[widget].comm
    if comm then comm:send({method = "custom", content = content}, buffers) end
    return widget
  end,
  on_msg = function(widget, handler)
    table.insert(records[widget].custom, check_function(handler))
    return widget
  end,
  show = function(widget)
    native.emit("display_data", {data = bundle(widget), metadata = {}, transient = {}})
  end,
  close = function(widget)
    local record = records[widget]
    if not record.comm then return end
    local comm = record.comm
    forget(record)
    comm:close()
    for _, owned in ipairs(record.owned) do owned:close() end
  end,
}

local function on_event(event)
  return function(widget, handler)
    add(records[widget].events, event, check_function(handler))
    return widget
  end
end

methods.Button = {on_click = on_event("click")}
methods.Text = {on_submit = on_event("submit")}

properties[""] = {model_id = {get = function(record) return record.id end,
                              set = function() error("model_id cannot be changed", 0) end}}

-- One border is four of them in this version of the models.
properties.Layout = {border = {set = function(_, value)
  return {border_top = value or null, border_right = value or null, border_bottom = value or null,
          border_left = value or null}
end}}

-- For the files that follow.
native.methods, native.properties, native.records, native.active = methods, properties, records, active
native.apply, native.make, native.full_state = apply, make, full_state
