-- Health of the kinds of threads-agent.io, for Argo CD. Every kind has the conditions Ready, Reconciling and Stalled, and says in
-- status.observedGeneration which spec they are about; a phase stands where a kind has one.
local health = { status = "Progressing", message = "waiting for the operator" }
local status = obj.status
if status == nil or status.conditions == nil then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function holds(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end
local function told(type)
  local condition = conditions[type]
  if condition == nil then
    return ""
  end
  if condition.message == nil or condition.message == "" then
    return condition.reason or ""
  end
  return (condition.reason or "") .. ": " .. condition.message
end
local function has_reason(type, reasons)
  local condition = conditions[type]
  for _, reason in ipairs(reasons) do
    if condition ~= nil and condition.reason == reason then
      return true
    end
  end
  return false
end

if status.observedGeneration ~= nil and status.observedGeneration ~= obj.metadata.generation then
  health.message = "the operator has not seen this version yet"
  return health
end

-- What a person has to mend.
if holds("Stalled") then
  return { status = "Degraded", message = told("Stalled") }
end
if obj.kind == "ContentJob" and holds("Failed") then
  return { status = "Degraded", message = told("Failed") }
end
if obj.kind == "Experiment" and status.phase == "Invalid" then
  return { status = "Degraded", message = told("DecisionReached") }
end

-- What a person said, or has to say.
local waits = { "Suspended", "Paused" }
for _, type in ipairs({ "Ready", "Reconciling", "Running" }) do
  if has_reason(type, waits) then
    return { status = "Suspended", message = told(type) }
  end
end
if status.phase == "Suspended" then
  return { status = "Suspended", message = "spec.suspend is true" }
end
if obj.kind == "Experiment" and (status.phase == "Draft" or status.phase == "AwaitingApproval") then
  local type = "Running"
  if status.phase == "AwaitingApproval" then
    type = "Promoted"
  end
  return { status = "Suspended", message = told(type) }
end
if obj.kind == "Achievement" and has_reason("Published", { "AwaitingApproval" }) then
  return { status = "Suspended", message = told("Published") }
end

-- An experiment collects for weeks; while it does, it is what was asked for.
if obj.kind == "Experiment" and holds("Running") then
  return { status = "Healthy", message = told("Running") }
end
if holds("Ready") then
  return { status = "Healthy", message = told("Ready") }
end
-- Cancelled was asked for.
if status.phase == "Cancelled" then
  return { status = "Healthy", message = told("Ready") }
end
if holds("Reconciling") then
  health.message = told("Reconciling")
else
  health.message = told("Ready")
end
return health
