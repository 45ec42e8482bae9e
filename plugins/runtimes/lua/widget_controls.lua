-- SPDX-License-Identifier: Apache-2.0
-- The constructors of Widget, the choice of a Dropdown, and what a front end opens by itself. Loaded
-- by widget.c after widget.lua.
local Widget, native = ...
local Comm, null, array, models = native.Comm, native.null, native.array, native.models
local records, active, make, full_state = native.records, native.active, native.make, native.full_state

-- ---- Dropdown: the front end knows labels and an index, scripts options and a value ----

local function choices(options)
  local labels, values, names = array{}, {}, {}
  if type(options) ~= "table" then error("Dropdown.options has to be a table", 0) end
  for i, option in ipairs(options) do
    local pair = type(option) == "table"
    labels[i] = tostring(pair and option[1] or option)
    if pair then values[i] = option[2] else values[i] = option end
  end
  if #labels > 0 then return labels, values end
  for name in pairs(options) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do labels[i], values[i] = tostring(name), options[name] end
  return labels, values
end

local function choose(record, list, wanted)
  if wanted == nil then return {index = null} end
  for i = 1, #record.state._options_labels do
    if list[i] == wanted then return {index = i - 1} end
  end
  error(("Dropdown: %s is none of its options"):format(tostring(wanted)), 0)
end

local function chosen(record, list)
  local index = record.state.index
  if math.type(index) == "integer" and list then return list[index + 1] end
end

native.properties.Dropdown = {
  value = {get = function(record) return chosen(record, record.values) end,
           set = function(record, value) return choose(record, record.values, value) end},
  label = {get = function(record) return chosen(record, record.state._options_labels) end,
           set = function(record, value)
             return choose(record, record.state._options_labels, value)
           end},
  options = {get = function(record) return record.options end,
             set = function(record, options)
               local labels, values = choices(options)
               local function commit() record.options, record.values = options, values end
               return {_options_labels = labels, index = #labels > 0 and 0 or null}, commit
             end},
}

-- ---- for the front end ----

local function list()
  local widgets = {}
  for _, widget in pairs(active) do widgets[#widgets + 1] = widget end
  table.sort(widgets, function(a, b) return records[a].order < records[b].order end)
  return widgets
end

-- A front end that opens a page asks for all there is.
Comm.register("jupyter.widget.control", function(control)
  control:on_msg(function(data)
    if type(data) ~= "table" or data.method ~= "request_states" then return end
    local states = {}
    for id, widget in pairs(active) do
      local model = records[widget].model
      states[id] = {model_name = model.name .. "Model", model_module = model.module,
                    model_module_version = model.version, state = full_state(records[widget])}
    end
    control:send{method = "update_states", states = states, buffer_paths = array{}}
  end)
end)

-- A widget that a front end makes.
Comm.register("jupyter.widget", function(comm, data)
  local state = type(data) == "table" and data.state
  local name = type(state) == "table" and tostring(state._model_name) or "?"
  local model = models[name:match("^(.*)Model$")]
  if not model then error("there is no widget model " .. name, 0) end
  local attributes = {}
  for key, value in pairs(state) do
    local attribute = model.attributes[key]
    if attribute and attribute.kind ~= "widget" and attribute.kind ~= "widgets" then
      attributes[key] = value
    end
  end
  make(model, attributes, comm)
end)

-- ---- Widget ----

-- Widget.HBox{a, b} is Widget.HBox{children = {a, b}}.
local function with_children(attributes)
  local named = {children = attributes.children or table.move(attributes, 1, #attributes, 1, {})}
  for key, value in pairs(attributes) do
    if math.type(key) ~= "integer" then named[key] = value end
  end
  return named
end

for name in pairs(models) do
  if Widget[name] then
    Widget[name] = function(attributes)
      if attributes ~= nil and type(attributes) ~= "table" then
        error(("write Widget.%s{attribute = value, …}"):format(name), 2)
      end
      attributes = attributes or {}
      if models[name].attributes.children then attributes = with_children(attributes) end
      local done, widget = pcall(make, models[name], attributes)
      if not done then error(widget, 2) end
      return widget
    end
  end
end

Widget.list = list
