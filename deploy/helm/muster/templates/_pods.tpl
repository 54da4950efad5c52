{{/* What every pod has. Takes root, name, command, grace (seconds), resources, and the optional secret, processes, web, receipts. */}}

{{- define "muster.labels" -}}
app.kubernetes.io/name: muster
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "muster.pod" -}}
{{- $url := urlParse (required "url is required: where the portal is reached" .root.Values.url) -}}
{{- $probe := dict "port" "http" "httpHeaders" (list (dict "name" "Host" "value" $url.host)) -}}
metadata:
  labels:
    {{- include "muster.labels" . | nindent 4 }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .grace }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile:
      type: RuntimeDefault
  {{- if .job }}
  restartPolicy: Never
  {{- end }}
  containers:
    - name: {{ .name }}
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
      command: {{ .command | toJson }}
      env:
        - name: MUSTER_URL
          value: {{ .root.Values.url | quote }}
        - name: MUSTER_SECRETS
          value: /run/secrets/muster
        - name: TRUSTED_PROXIES
          value: {{ .root.Values.trustedProxies | quote }}
        {{- if .web }}
        - name: WEB_CONCURRENCY
          value: {{ .root.Values.web.processes | quote }}
        {{- end }}
        {{- range $name, $value := .root.Values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- if .web }}
      ports:
        - name: http
          containerPort: 8000
      startupProbe:
        httpGet: {{ set (deepCopy $probe) "path" "/health/live" | toJson }}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {{ set (deepCopy $probe) "path" "/health/live" | toJson }}
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {{ set (deepCopy $probe) "path" "/health/ready" | toJson }}
        periodSeconds: 5
        timeoutSeconds: 5
      # Requests are still sent here until everybody knows that it leaves.
      lifecycle:
        preStop:
          exec:
            command: [sleep, "5"]
      {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: secrets
          mountPath: /run/secrets/muster
          readOnly: true
        - name: tmp
          mountPath: /tmp
        {{- if .receipts }}
        - name: receipts
          mountPath: /srv/muster/receipts
        {{- end }}
  volumes:
    - name: secrets
      secret:
        secretName: {{ .secret | default .root.Values.secret }}
        defaultMode: 0440
    - name: tmp
      emptyDir:
        sizeLimit: 256Mi
    {{- if .receipts }}
    - name: receipts
      {{- if .root.Values.receiptsClaim }}
      persistentVolumeClaim:
        claimName: {{ .root.Values.receiptsClaim }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
{{- end }}

{{- define "muster.deployment" }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  labels:
    {{- include "muster.labels" . | nindent 4 }}
spec:
  replicas: {{ .replicas }}
  {{- if .alone }}
  strategy:
    type: Recreate
  {{- end }}
  selector:
    matchLabels:
      {{- include "muster.labels" . | nindent 6 }}
  template:
    {{- include "muster.pod" . | nindent 4 }}
{{- end }}
