# The hub on Airflow's official image: the same wheel, the same lock.
FROM apache/airflow:3.3.2-python3.12 AS build
WORKDIR /opt/hub
COPY --chown=airflow:0 pyproject.toml README.md requirements.lock ./
COPY --chown=airflow:0 connectors connectors
COPY --chown=airflow:0 dags dags
COPY --chown=airflow:0 hub hub
COPY --chown=airflow:0 mappings mappings
COPY --chown=airflow:0 quality quality
COPY --chown=airflow:0 schemas schemas
RUN pip wheel --no-deps --wheel-dir dist .

FROM apache/airflow:3.3.2-python3.12
COPY --chown=airflow:0 requirements.lock /tmp/requirements.lock
COPY --from=build --chown=airflow:0 /opt/hub/dist /tmp/dist
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.lock \
 && pip install --no-cache-dir "apache-airflow-providers-celery" \
 && pip install --no-cache-dir --no-deps /tmp/dist/*.whl \
 && rm -rf /tmp/dist /tmp/requirements.lock
ENV AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    HUB_HOME=/var/lib/hub
