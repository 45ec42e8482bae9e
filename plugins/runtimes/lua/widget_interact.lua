-- SPDX-License-Identifier: Apache-2.0
-- Widget.Output's capture, Widget.interactive and Widget.interact. Loaded by widget.c after
-- widget.lua.
local Widget, native = ...
local methods, records, apply, array = native.methods, native.records, native.apply, native.array

-- ---- Output: what a request sends while msg_id is its id belongs to the widget ----

methods.Output = {
  capture = function(output, action, ...)
    local id = native.msg_id()
    local after = output.msg_id == id and id or "" -- "", too, if an interrupt had left another
    output.msg_id = id
    local results = table.pack(native.attempt(action, ...))
    output.msg_id = after
    return table.unpack(results, 1, results.n)
  end,
  clear = function(output)
    local record = records[output]
    record.state.outputs = nil -- the front end fills it by itself: it has to hear of it anyway
    apply(output, record, {outputs = array{}})
    return output
  end,
}

-- ---- a control for a plain value ----

local function is_list_of_numbers(value)
  if #value < 2 or #value > 3 then return false end
  for i = 1, #value do
    if type(value[i]) ~= "number" then return false end
  end
  return true
end

local function slider(low, high, step, value)
  local integers = math.type(low) == "integer" and math.type(high) == "integer" and
                   (step == nil or math.type(step) == "integer")
  local middle = integers and low + (high - low) // 2 or low + (high - low) / 2
  local make = integers and Widget.IntSlider or Widget.FloatSlider
  return make{min = low, max = high, step = step, value = value or middle}
end

local function around(value)
  if value == 0 then return slider(0 * value, 1 + value, nil, value) end
  local low, high = -value, 3 * value
  if low > high then low, high = high, low end
  return slider(low, high, nil, value)
end

local function control_for(name, value)
  local kind = type(value)
  if records[value] then
    return value, false
  elseif kind == "boolean" then
    value = Widget.Checkbox{value = value}
  elseif kind == "string" then
    value = Widget.Text{value = value}
  elseif kind == "number" then
    value = around(value)
  elseif kind == "table" and is_list_of_numbers(value) then
    value = slider(value[1], value[2], value[3])
  elseif kind == "table" and next(value) ~= nil then
    value = Widget.Dropdown{options = value}
  else
    error(("interact: no control for %s, which is %s"):format(name, tostring(value)), 0)
  end
  value.description = name
  return value, true
end

-- ---- interactive ----

local function sorted_names(controls)
  local names = {}
  for name in pairs(controls) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return names
end

-- The names of the function's parameters in order, or nil: it gets one table.
local function parameters_for(action, controls)
  local known, names = {}, native.parameters(action)
  if not names or #names == 0 then return nil end
  for _, name in ipairs(names) do known[name] = true end
  for name in pairs(controls) do
    if not known[name] then
      error(("interact: the function has no parameter %s; it has %s"):format(
            tostring(name), table.concat(names, ", ")), 0)
    end
  end
  return names
end

local function call_with(action, names, inputs)
  local values = {}
  if not names then
    for name, input in pairs(inputs) do values[name] = input.value end
    return action(values)
  end
  for i, name in ipairs(names) do
    if inputs[name] then values[i] = inputs[name].value end
  end
  return action(table.unpack(values, 1, #names))
end

local function show_results(...)
  local show = rawget(_G, "display") or print
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if value ~= nil then show(value) end
  end
end

local function build(action, controls)
  if type(action) ~= "function" or type(controls) ~= "table" then
    error("write Widget.interact(function, {parameter = control, …})", 0)
  end
  local names = parameters_for(action, controls)
  local inputs, children, owned = {}, {}, {}
  for _, name in ipairs(names or sorted_names(controls)) do
    if controls[name] ~= nil then
      local input, made = control_for(name, controls[name])
      inputs[name], children[#children + 1] = input, input
      if made then owned[#owned + 1] = input end
    end
  end
  local output = Widget.Output()
  owned[#owned + 1], children[#children + 1] = output, output
  local box = Widget.VBox(children)
  table.move(owned, 1, #owned, #records[box].owned + 1, records[box].owned)
  local function update()
    output:capture(function()
      native.emit("clear_output", {wait = true})
      show_results(call_with(action, names, inputs))
    end)
  end
  for _, input in pairs(inputs) do input:observe("value", update) end
  return box, update
end

-- Widget.interactive(function, controls) -> a box of the controls and what the function shows
function Widget.interactive(action, controls)
  local done, box, update = pcall(build, action, controls)
  if not done then error(box, 2) end
  update()
  return box
end

-- Widget.interact(function, controls): the same, shown at once
function Widget.interact(action, controls)
  local done, box, update = pcall(build, action, controls)
  if not done then error(box, 2) end
  box:show()
  update()
end
