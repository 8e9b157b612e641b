{{- /* Name of all objects of the release: the release's own where it holds the chart's, else both. */ -}}
{{- define "threads-agent.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "threads-agent.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "threads-agent.labels" -}}
{{ include "threads-agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: threads-agent
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "threads-agent.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "threads-agent.fullname" .) -}}
{{- end -}}

{{- define "threads-agent.settingsName" -}}
{{- printf "%s-settings" (include "threads-agent.fullname" .) -}}
{{- end -}}

{{- define "threads-agent.apiName" -}}
{{- printf "%s-api" (include "threads-agent.fullname" .) -}}
{{- end -}}

{{- /* Of the API's Pods. Another name than the operator's, whose Service would else find them as well. */ -}}
{{- define "threads-agent.apiSelectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-api
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "threads-agent.apiLabels" -}}
{{ include "threads-agent.apiSelectorLabels" . }}
app.kubernetes.io/component: api
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: threads-agent
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Reference of an image {repository, tag, digest}. */ -}}
{{- define "threads-agent.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end -}}

{{- /* Security of every container: what Pod Security `restricted` asks for, and a root file system that cannot be written. */ -}}
{{- define "threads-agent.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* An environment variable from a Secret: (list NAME SECRET KEY). */ -}}
{{- define "threads-agent.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
{{- end -}}
