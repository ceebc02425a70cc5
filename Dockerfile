FROM python:3.13-slim
RUN useradd --create-home firebell
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir hatchling editables && pip install --no-cache-dir --no-deps --no-build-isolation . \
    && mkdir /data && chown firebell /data
USER firebell
ENV FIREBELL_HOST=0.0.0.0 FIREBELL_DATA=/data
VOLUME /data
EXPOSE 8080
CMD ["firebell", "serve"]
