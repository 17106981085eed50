# One image, two containers: `serve --role web` and `serve --role worker`.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# With .git: from it the program knows its version and revision.
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /insightgraph .
RUN make -s licences > /THIRD_PARTY.txt
# Where files that come in and go out lie for a while.
RUN mkdir /root-of-image && mkdir -m 1777 /root-of-image/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /root-of-image/ /
COPY --from=build /src/LICENSE /src/NOTICE /THIRD_PARTY.txt /
COPY --from=build /insightgraph /insightgraph
USER 10001
ENV ADDR=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/insightgraph"]
CMD ["serve"]
