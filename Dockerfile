# Build:  docker build -t crawlcast .
# Run:    docker run --rm -p 127.0.0.1:9000:9000 -v crawlcast:/data crawlcast

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY client ./client
RUN npm run build

# uWebSockets.js comes with binaries for every platform and version of Node; one of them is needed.
FROM node:22-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts \
 && find node_modules/uWebSockets.js/dist/bin -type f \
      ! -name "$(node -p '`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`')" -delete

FROM node:22-slim
# Few arenas: threads that come and go would leave a twentieth more memory behind.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    CRAWLCAST_HOST=0.0.0.0 \
    CRAWLCAST_DATA=/data \
    CRAWLCAST_SPIDERS=/spiders
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
RUN mkdir /data /spiders && chown node:node /data
USER node
VOLUME /data
EXPOSE 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CRAWLCAST_PORT ?? 9000}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process itself, without a shell or npm between, so that it gets the signal.
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["serve"]
