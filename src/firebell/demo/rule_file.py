"""The Prometheus rule file in the repository of the demo, with the noisy rules of its alert audit."""

PATH = "prometheus/ledger.yml"
TEXT = """\
# Alerts of the ledger and its queues. Ask #platform before you change a threshold.
groups:
  - name: ledger
    rules:
      # nightly vacuum; usually catches up without help
      - alert: LedgerVacuumSlow
        expr: time() - pg_last_autovacuum_seconds{namespace="ledger"} > 6 * 3600
        labels:
          severity: critical
        annotations:
          summary: "Vacuum of {{ $labels.table }} is late"
      - alert: DiskUsage85
        expr: |
          1 - node_filesystem_avail_bytes{namespace="ledger"}
            / node_filesystem_size_bytes > 0.85
        labels:
          severity: critical   # pages; DiskWillFill is the warning
        annotations:
          summary: "Disk of {{ $labels.instance }} is 85% full"
  - name: queues
    rules:
      - alert: QueueDepthHigh
        expr: queue_depth{namespace="queues"} > 1000
        labels: {severity: critical}
"""
